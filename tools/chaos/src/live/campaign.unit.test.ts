import { describe, expect, it } from '@jest/globals';
import { Campaign } from './campaign.js';
import type { Cell } from './cell.js';
import type { Ground } from './ground.js';
import type { Trial } from './trial.js';

const GROUND = {} as Ground;
const CELL = { note: () => undefined } as unknown as Cell;

function trial(name: string, ran: string[]): Trial {
  return {
    fault: 'F1',
    name,
    run: () => {
      ran.push(name);
      return Promise.resolve({ reached: true, recoveryMs: 1, violations: [] });
    },
  };
}

describe('a campaign', () => {
  it('runs each trial once, also when one cell has run the others before the next one has started', async () => {
    const ran: string[] = [];
    const { promise: allButOne, resolve } = Promise.withResolvers<void>();
    let started = 0;
    const slowAfterTheFirst = async (): Promise<Cell> => {
      started += 1;
      if (started > 1) await allButOne;
      return CELL;
    };
    const onResult = (): void => void (ran.length === 3 && resolve());
    const campaign = new Campaign(GROUND, { cells: 2, onResult }, slowAfterTheFirst);
    const trials = ['a', 'b', 'c', 'd'].map((name) => trial(name, ran));
    const { results, notRun } = await campaign.run(trials);
    expect([...ran].sort()).toStrictEqual(['a', 'b', 'c', 'd']);
    expect(results.length).toBe(4);
    expect(notRun).toStrictEqual([]);
  });

  it('begins none when the time is up, and says which those are', async () => {
    const ran: string[] = [];
    const campaign = new Campaign(GROUND, { cells: 2, until: performance.now() - 1 }, () => Promise.resolve(CELL));
    const { notRun } = await campaign.run([trial('a', ran), trial('b', ran)]);
    expect(notRun.map(({ name }) => name)).toStrictEqual(['a', 'b']);
    expect(ran).toStrictEqual([]);
  });
});
