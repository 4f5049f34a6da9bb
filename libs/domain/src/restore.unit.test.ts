import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import {
  AFTER_CUT_OVER,
  hasEnded,
  isSettled,
  mayBecome,
  moves,
  RESTORE_TRANSITIONS,
  Secret,
  STEPS,
  stepsShown,
  type Direction,
  type RestoreState,
} from './index.js';

const states = Object.keys(RESTORE_TRANSITIONS) as RestoreState[];

describe('the states of a restore', () => {
  it('reach a settled state from everywhere', () => {
    for (const start of states) {
      const reached = new Set<RestoreState>([start]);
      for (const state of reached) for (const next of RESTORE_TRANSITIONS[state]) reached.add(next);
      assert.ok([...reached].some(isSettled), `${start} never ends`);
    }
  });

  it('never lead out of refused, cancelled or rolled-back', () => {
    for (const state of states) {
      for (const end of ['refused', 'cancelled', 'rolled-back'] as const) expect(mayBecome(end, state)).toBe(false);
    }
  });

  it('can be cancelled before the end, and not after', () => {
    for (const state of ['planning', 'awaiting-approval', 'running', 'needs-attention'] as const) {
      assert.ok(mayBecome(state, 'cancelling'), state);
    }
    for (const state of ['completed', 'refused', 'failed'] as const) assert.ok(!mayBecome(state, 'cancelling'), state);
  });
});

describe('the steps that are told of', () => {
  const works = STEPS.map(({ id }) => ({
    ...{ id, direction: 'forward' as const, round: 0, state: 'pending' as const, epoch: 0, attempts: 0, parked: false },
    ...{ dispatchedAt: null, startedAt: null, endedAt: null, output: null, error: null, resumeFrom: null },
  }));
  const numbers = (plan: Parameters<typeof stepsShown>[0]['plan']) =>
    stepsShown({ works, plan }).map(({ number }) => number);

  it('are those of every restore, and the boot check where the plan has it', () => {
    const each = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    expect(numbers(null)).toStrictEqual(each);
    expect(numbers({ steps: [{ id: 'plan' }] })).toStrictEqual(each);
    expect(numbers({ steps: [{ id: 'check-boot' }] })).toStrictEqual([...each, 8].sort((one, other) => one - other));
  });
});

describe('a restore that has cut over', () => {
  it('comes to be completed or rolled back from each of its states, and to no other end', () => {
    expect(AFTER_CUT_OVER.filter(hasEnded).sort()).toStrictEqual(['completed', 'rolled-back']);
    for (const start of AFTER_CUT_OVER) {
      const reached = new Set<RestoreState>([start]);
      for (const state of reached) {
        for (const next of RESTORE_TRANSITIONS[state]) if (AFTER_CUT_OVER.includes(next)) reached.add(next);
      }
      assert.ok([...reached].some(hasEnded), `${start} never ends`);
    }
  });
});

describe('the works of a restore', () => {
  const turn = { round: 2, purpose: 'cancel', cause: null } as const;
  const movingIn = (state: RestoreState, round: number) =>
    (['forward', 'back', 'after'] as const satisfies readonly Direction[]).filter((direction) =>
      moves({ state, turn }, { direction, round }),
    );

  it('move in one direction at a time, and in none while a person is asked', () => {
    for (const state of states) {
      const moving = [...movingIn(state, 0), ...movingIn(state, 2)];
      expect(moving).toHaveLength(state === 'needs-attention' || state === 'awaiting-approval' ? 0 : 1);
      expect(moving.includes('after')).toBe(hasEnded(state));
    }
  });

  it('move only if they belong to the latest time that it has turned round', () => {
    expect([movingIn('cancelling', 2), movingIn('cancelling', 1)]).toStrictEqual([['back'], []]);
    expect([movingIn('failed', 2), movingIn('failed', 0)]).toStrictEqual([['after'], []]);
    expect(moves({ state: 'completed', turn: null }, { direction: 'after', round: 0 })).toBe(true);
  });
});

describe('the steps', () => {
  it('are numbered from 0 to 12 in their order, the eighth with the check that comes before its stop', () => {
    expect(STEPS.map((step) => step.number)).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12]);
    expect(STEPS.filter(({ number }) => number === 8).map(({ id }) => id)).toStrictEqual([
      'check-boot',
      'remove-source',
    ]);
  });
});

describe('a secret', () => {
  it('shows itself in no text, JSON or inspection', () => {
    const secret = new Secret('hunter2');
    for (const shown of [`${secret}`, JSON.stringify({ secret }), inspect({ deep: { secret } }, { depth: 9 })]) {
      assert.ok(!shown.includes('hunter2'), shown);
      assert.ok(shown.includes('[secret]'), shown);
    }
    expect(secret.reveal()).toBe('hunter2');
  });
});
