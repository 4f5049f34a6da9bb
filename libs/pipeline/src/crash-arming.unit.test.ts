import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armedByFile } from './crash-arming.js';

describe('a process that is armed by a file', () => {
  let folder: string;
  let file: string;
  let armed: (point: string) => 'die' | 'stop' | null;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-armed-'));
    file = join(folder, 'points');
    armed = armedByFile(file);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function arm(...lines: string[]): void {
    writeFileSync(`${file}.new`, `${lines.join('\n')}\n`);
    renameSync(`${file}.new`, file);
  }

  it('passes every point while there is no file', () => {
    expect(armed('launch-worker.done.afterCommit')).toBe(null);
  });

  it('dies once at the point that is named, and no other process does', () => {
    const other = armedByFile(file);
    arm('launch-worker.done.afterCommit');
    expect(armed('launch-worker.done.beforeCommit')).toBe(null);
    expect(armed('launch-worker.done.afterCommit')).toBe('die');
    expect(existsSync(file)).toBe(false);
    expect(other('launch-worker.done.afterCommit')).toBe(null);
    arm('launch-worker.done.afterCommit');
    assert.equal(other('launch-worker.done.afterCommit'), 'die', 'it can be armed again');
  });

  it('counts occurrences from the moment at which it was armed', () => {
    armed('a');
    arm('a#2');
    expect([armed('a'), armed('b'), armed('a')]).toStrictEqual([null, null, 'die']);
  });

  it('goes on to the next line for the process that comes after it', () => {
    arm('launch-worker.done.afterCommit', 'launch-worker.*');
    expect(armed('launch-worker.done.afterCommit')).toBe('die');
    expect(readFileSync(file, 'utf8')).toBe('launch-worker.*\n');
    const recovering = armedByFile(file);
    expect(recovering('create-empty-disks.done.afterCommit')).toBe(null);
    expect(recovering('launch-worker.vm.create.beforeIntent')).toBe('die');
    expect(recovering('launch-worker.vm.create.beforeIntent')).toBe(null);
  });

  it('stops where that is wanted, and leaves its number', () => {
    arm('launch-worker.running.afterCommit stop');
    expect(armed('launch-worker.running.afterCommit')).toBe('stop');
    expect(readFileSync(`${file}.stopped`, 'utf8')).toBe(String(process.pid));
    expect(existsSync(file)).toBe(false);
  });
});
