import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newGroup } from '../groups/resource-groups.js';
import { put, remove, State } from './state.js';

describe('the state', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'landfall-state-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const group = (name: string) => newGroup({ subscriptionId: 's', now: () => new Date(0) }, name, 'westeurope');
  const names = (state: State): string[] =>
    state
      .all('resources')
      .map(({ name }) => name)
      .sort();

  it('is what was committed, after a start from the same folder', () => {
    const first = new State(directory);
    first.commit([put(group('a')), put(group('b'))]);
    first.commit([remove(group('a').id), put(group('c'))]);
    const second = new State(directory);
    expect(names(second)).toStrictEqual(['b', 'c']);
    expect(second.resource(group('B').id.toUpperCase())?.name).toBe('b');
  });

  it('forgets a transaction that was cut short, and goes on after it', () => {
    const first = new State(directory);
    first.commit([put(group('whole'))]);
    const path = join(directory, 'state.jsonl');
    const line = readFileSync(path, 'utf8');
    for (const length of [1, 20, line.length - 1]) {
      writeFileSync(path, line);
      appendFileSync(path, line.replaceAll('whole', 'other').slice(0, length));
      const torn = new State(directory);
      assert.deepEqual(names(torn), ['whole'], `cut after ${length}`);
      torn.commit([put(group('next'))]);
      assert.deepEqual(names(new State(directory)), ['next', 'whole'], `cut after ${length}`);
    }
  });

  it('holds no more than what lives, once it was closed', () => {
    const state = new State(directory);
    for (let round = 0; round < 100; round++) state.commit([put({ ...group('a'), tags: { round: String(round) } })]);
    state.close();
    expect(readFileSync(join(directory, 'state.jsonl'), 'utf8').split('\n').length).toBe(2);
    expect(new State(directory).resource(group('a').id)?.tags).toStrictEqual({ round: '99' });
  });
});
