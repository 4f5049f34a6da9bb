import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RestoreView } from '../stack/views.js';
import { restoresText, restoreText } from './restore-text.js';

const FULL = { code: 'TARGET_FULL', message: 'There is no space left for the disk "sda".', fix: 'Make room.' };
const MIB = 1024 * 1024;
const AZURE_ID = '/subscriptions/s/disks/web-sda';

function restore(state: string, changes: Partial<RestoreView> = {}): RestoreView {
  const step = { number: 5, id: 'restore-data', state: 'failed', startedAt: null, endedAt: null, attempts: 1 };
  const bytes = { sizeBytes: 1024 * MIB, bytesTotal: 24 * MIB, bytesDone: 0 };
  const disk = { name: 'sda', from: 'disk:sda', role: 'os', lun: null, azureId: AZURE_ID, ...bytes };
  return {
    ...{ id: 'r1', state, restorePoint: null, destination: null, planHash: null, vm: null, problems: [], error: FULL },
    ...{ steps: [step], disks: [disk], ...changes },
  };
}

describe('a restore on the screen', () => {
  it('says what went wrong, and what to do', () => {
    assert.match(restoreText(restore('failed')), /TARGET_FULL: There is no space left[^\n]*\n +Make room\./);
  });

  it('says how it goes on where it waits for a person', () => {
    assert.match(restoreText(restore('needs-attention')), /Make room\.\n +Then "\.\/landfall resume r1" goes on/);
    assert.doesNotMatch(restoreText(restore('failed')), /resume/);
  });

  it('names no disk that was taken away', () => {
    for (const state of ['failed', 'cancelled', 'rolled-back']) {
      assert.doesNotMatch(restoreText(restore(state)), /web-sda/, state);
      assert.match(restoreText(restore(state)), /removed$/m, state);
    }
    assert.match(restoreText(restore('rolling-back')), /web-sda/);
    assert.match(restoreText(restore('completed')), /web-sda/);
  });

  it('counts what holds data, and shows what is empty apart', () => {
    assert.match(restoreText(restore('failed')), /^ +sda +os +- +0 B +24 MiB +1000 MiB +removed$/m);
  });

  it('counts no retry of a step that failed at its first attempt', () => {
    assert.match(restoreText(restore('failed')), /restore-data +failed +- +0$/m);
  });

  it('says in its state that a disk turned out to be bad after it was completed', () => {
    assert.match(restoreText(restore('completed')), /^state +completed, TARGET_FULL$/m);
    assert.match(restoresText([restore('completed')]), /completed, TARGET_FULL/);
    assert.match(restoresText([restore('completed', { error: null })]), /completed +-/);
  });
});
