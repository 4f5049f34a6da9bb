import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { entryOf, hasEnded, mayOutlive, RESTORE_TRANSITIONS, type Purpose, type RestoreState } from '../index.js';

const NOW = new Date('2026-05-07T08:00:00.000Z');
const LATER = new Date(NOW.getTime() + 1);
const ENDS = (Object.keys(RESTORE_TRANSITIONS) as RestoreState[]).filter(hasEnded);

/** The ends that a thing of this purpose may outlive while it has no date, and once its date is past. */
const OUTLIVED: Readonly<
  Record<Purpose, { readonly dateless: readonly RestoreState[]; readonly past: readonly RestoreState[] }>
> = {
  result: { dateless: ['completed'], past: ['completed'] },
  help: { dateless: [], past: [] },
  safety: { dateless: ['completed', 'rolled-back'], past: [] },
  kept: { dateless: ENDS, past: [] },
  'brought-back': { dateless: ['rolled-back'], past: ['rolled-back'] },
  source: { dateless: ENDS, past: ENDS },
};
const PURPOSES = Object.keys(OUTLIVED) as Purpose[];

describe('what may outlive its restore', () => {
  it('is told by its purpose and the end, while it has no date', () => {
    for (const purpose of PURPOSES)
      for (const end of ENDS) {
        const may = mayOutlive({ purpose, keepUntil: null, readAt: NOW }, end);
        assert.equal(may, OUTLIVED[purpose].dateless.includes(end), `${purpose}, ${end}`);
      }
  });

  it('is everything that has a date in the future', () => {
    for (const purpose of PURPOSES)
      for (const end of ENDS)
        assert.ok(mayOutlive({ purpose, keepUntil: LATER, readAt: NOW }, end), `${purpose}, ${end}`);
  });

  it('is no safety and nothing kept whose date is past, or just now', () => {
    for (const purpose of PURPOSES)
      for (const end of ENDS)
        for (const readAt of [NOW, LATER]) {
          const may = mayOutlive({ purpose, keepUntil: NOW, readAt }, end);
          assert.equal(may, OUTLIVED[purpose].past.includes(end), `${purpose}, ${end}`);
        }
  });
});

describe('what a call enters into the ledger', () => {
  it('is what it creates, and the source that it removes', () => {
    const keepUntil = LATER;
    const creates = { kind: 'disk', role: 'copy', purpose: 'safety', keepUntil } as const;
    expect(entryOf('/disks/a', { creates })).toMatchObject({ ...creates, azureId: '/disks/a', state: 'intended' });
    const removes = { kind: 'vm', instanceId: 'one' } as const;
    expect(entryOf('/vms/a', { removes })).toMatchObject({ ...removes, purpose: 'source', state: 'created' });
  });

  it('is nothing for a call that removes or changes what is ours, or moves something', () => {
    expect(entryOf('/disks/a', { removes: 'ours' })).toBe(null);
    expect(entryOf('/disks/a', { changes: 'ours' })).toBe(null);
    expect(entryOf('/disks/a', { moves: { to: '/disks/b' } })).toBe(null);
  });
});
