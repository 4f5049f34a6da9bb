import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
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
    assert.equal(armed('step04.done.afterCommit'), null);
  });

  it('dies once at the point that is named, and no other process does', () => {
    const other = armedByFile(file);
    arm('step04.done.afterCommit');
    assert.equal(armed('step04.done.beforeCommit'), null);
    assert.equal(armed('step04.done.afterCommit'), 'die');
    assert.equal(existsSync(file), false);
    assert.equal(other('step04.done.afterCommit'), null);
    arm('step04.done.afterCommit');
    assert.equal(other('step04.done.afterCommit'), 'die', 'it can be armed again');
  });

  it('counts occurrences from the moment at which it was armed', () => {
    armed('a');
    arm('a#2');
    assert.deepEqual([armed('a'), armed('b'), armed('a')], [null, null, 'die']);
  });

  it('goes on to the next line for the process that comes after it', () => {
    arm('step04.done.afterCommit', 'step04.*');
    assert.equal(armed('step04.done.afterCommit'), 'die');
    assert.equal(readFileSync(file, 'utf8'), 'step04.*\n');
    const recovering = armedByFile(file);
    assert.equal(recovering('step03.done.afterCommit'), null);
    assert.equal(recovering('step04.vm.create.beforeIntent'), 'die');
    assert.equal(recovering('step04.vm.create.beforeIntent'), null);
  });

  it('stops where that is wanted, and leaves its number', () => {
    arm('step04.running.afterCommit stop');
    assert.equal(armed('step04.running.afterCommit'), 'stop');
    assert.equal(readFileSync(`${file}.stopped`, 'utf8'), String(process.pid));
    assert.equal(existsSync(file), false);
  });
});
