import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { RestoreView } from '@landfall/contract';
import { aRestoreView } from '../stack/views.fixture.test.js';
import { restoresText, restoreText } from './restore-text.js';

const FULL = { code: 'TARGET_FULL', message: 'There is no space left for the disk "sda".', fix: 'Make room.' };
const MIB = 1024 * 1024;
const AZURE_ID = '/subscriptions/s/disks/web-sda';

function restore(state: RestoreView['state'], changes: Partial<RestoreView> = {}): RestoreView {
  const step = {
    ...({ number: 5, id: 'restore-data', state: 'failed' } as const),
    ...{ startedAt: null, endedAt: null, attempts: 1 },
  };
  const bytes = { sizeBytes: 1024 * MIB, bytesTotal: 24 * MIB, bytesDone: 0 };
  const disk = { name: 'sda', from: 'disk:sda', role: 'os' as const, lun: null, azureId: AZURE_ID, ...bytes };
  return aRestoreView({ state, error: FULL, steps: [step], disks: [disk], ...changes });
}

describe('a restore on the screen', () => {
  it('says what went wrong, and what to do', () => {
    expect(restoreText(restore('failed'))).toMatch(/TARGET_FULL: There is no space left[^\n]*\n +Make room\./);
  });

  it('says how it goes on where it waits for a person', () => {
    expect(restoreText(restore('needs-attention'))).toMatch(/Make room\.\n +Then "\.\/landfall resume r1" goes on/);
    expect(restoreText(restore('failed'))).not.toMatch(/resume/);
  });

  it('names no disk that was taken away', () => {
    for (const state of ['failed', 'cancelled', 'rolled-back'] as const) {
      assert.doesNotMatch(restoreText(restore(state)), /web-sda/, state);
      assert.match(restoreText(restore(state)), /removed$/m, state);
    }
    expect(restoreText(restore('rolling-back'))).toMatch(/web-sda/);
    expect(restoreText(restore('completed'))).toMatch(/web-sda/);
  });

  it('counts what holds data, and shows what is empty apart', () => {
    assert.match(restoreText(restore('failed')), /^ +sda +os +- +0 B +24 MiB +1000 MiB +removed$/m);
  });

  it('counts no retry of a step that failed at its first attempt', () => {
    expect(restoreText(restore('failed'))).toMatch(/restore-data +failed +- +0$/m);
  });

  it('says in its state that a disk turned out to be bad after it was completed', () => {
    expect(restoreText(restore('completed'))).toMatch(/^state +completed, TARGET_FULL$/m);
    expect(restoresText([restore('completed')])).toMatch(/completed, TARGET_FULL/);
    expect(restoresText([restore('completed', { error: null })])).toMatch(/^r1 +completed +rp-0123456789 +disks +- /m);
  });
});
