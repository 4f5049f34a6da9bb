import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { EventView, RestoreView } from '@landfall/contract';
import { aRestoreView } from '../stack/views.fixture.test.js';
import { ProgressDisplay, progressOf } from './progress.js';

const MIB = 1024 * 1024;

function display(isTTY: boolean) {
  const clock = { now: 0 };
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY, columns: 120 };
  return { clock, written, shown: new ProgressDisplay(stream, () => clock.now) };
}

function event(type: string, data: Record<string, unknown>, message = ''): EventView {
  return { sequence: 1, restoreId: 'r', at: '2026-01-01T00:00:00.000Z', type, message, data };
}

describe('progress on a terminal that does not tell its width', () => {
  it('is in plain lines, of which no letter is lost', () => {
    for (const columns of [undefined, 0, 1]) {
      const written: string[] = [];
      const shown = new ProgressDisplay(
        { write: (text: string) => written.push(text), isTTY: true, columns } as never,
        () => 0,
      );
      shown.show({ label: '5 restore-data', bytesDone: 1, bytesTotal: 2 });
      expect(written).toStrictEqual(['5 restore-data  50 %  1 B of 2 B\n']);
    }
  });
});

describe('progress that is not on a terminal', () => {
  it('is a line for each step, and within one a line in five seconds', () => {
    const { clock, written, shown } = display(false);
    shown.show({ label: '3 create-empty-disks', bytesDone: 0, bytesTotal: 0 });
    for (clock.now = 0; clock.now <= 11_000; clock.now += 500) {
      shown.show({ label: '5 restore-data', bytesDone: clock.now * 1000, bytesTotal: 100_000_000 });
    }
    expect(written.length).toBe(4);
    expect(written[0]).toBe('3 create-empty-disks\n');
    expect(written[1]!).toMatch(/^5 restore-data {2}0 % .*\n$/);
    expect(written[2]!).toMatch(/^5 restore-data {2}5 % .* 1 MB\/s .*\n$/);
    expect(written[3]!).toMatch(/^5 restore-data {2}10 %/);
  });

  it('does not repeat a line that says the same', () => {
    const { clock, written, shown } = display(false);
    for (clock.now = 0; clock.now < 60_000; clock.now += 1_000) {
      shown.show({ label: '4 launch-worker', bytesDone: 0, bytesTotal: 0 });
    }
    expect(written).toStrictEqual(['4 launch-worker\n']);
  });

  it('has every step that ran, however quick it was, once and in order', () => {
    const { written, shown } = display(false);
    const steps = ['plan', 'create-group', 'create-empty-disks', 'launch-worker'];
    for (const [number, step] of steps.entries()) {
      shown.tell(event('step.started', { number, step }));
      shown.tell(event('step.done', { number, step }));
    }
    shown.show({ label: '3 launch-worker', bytesDone: 0, bytesTotal: 0 });
    shown.tell(event('step.started', { number: 3, step: 'launch-worker' }));
    expect(written).toStrictEqual(['0 plan\n', '1 create-group\n', '2 create-empty-disks\n', '3 launch-worker\n']);
  });

  it('tells what goes wrong and is tried again', () => {
    const { written, shown } = display(false);
    shown.tell(event('step.retry', { number: 8 }, 'Step 8, create-vm: Azure is busy.'));
    shown.tell(event('segment.retry', {}, 'Disk a, 0-64 MiB is handed out again.'));
    expect(written).toStrictEqual(['Step 8, create-vm: Azure is busy.\n', 'Disk a, 0-64 MiB is handed out again.\n']);
  });

  it('has no control characters', () => {
    const { written, shown } = display(false);
    shown.show({ label: 'x', bytesDone: 1, bytesTotal: 2 });
    shown.end();
    expect(!written.join('').includes('\r') && !written.join('').includes('\u001b')).toBe(true);
  });
});

describe('progress on a terminal', () => {
  it('is one line that is written over, with bar, speed and time left', () => {
    const { clock, written, shown } = display(true);
    shown.show({ label: '5 restore-data', bytesDone: 0, bytesTotal: 100 * MIB });
    clock.now = 2_000;
    shown.show({ label: '5 restore-data', bytesDone: 50 * MIB, bytesTotal: 100 * MIB });
    // 50 MiB in 2 s: 26 MB/s, and as much again to go
    expect(written.at(-1)).toBe(
      `\r\x1b[K[${'='.repeat(12)}${' '.repeat(12)}] 5 restore-data  50 %  50 MiB of 100 MiB  26 MB/s  2 s left`,
    );
    expect(written.every((text) => !text.includes('\n'))).toBe(true);
    shown.end();
    expect(written.at(-1)).toBe('\r\x1b[K');
  });

  it('never is longer than the terminal is wide', () => {
    const written: string[] = [];
    const shown = new ProgressDisplay({ write: (text) => written.push(text), isTTY: true, columns: 20 });
    shown.show({ label: 'a label that is far too long', bytesDone: 1, bytesTotal: 2 });
    expect(written[0]!.replace('\r\x1b[K', '').length).toBeLessThan(20);
  });
});

describe("a restore's progress", () => {
  type Step = RestoreView['steps'][number];
  const step = (number: number, id: Step['id'], state: Step['state']) => ({
    ...{ number, id, state },
    ...{ startedAt: null, endedAt: null, attempts: 0 },
  });
  const disk = (bytesDone: number, bytesTotal: number) => ({
    ...{ name: 'd', from: 'disk:d', role: 'os' as const, lun: null, azureId: null, sizeBytes: 100 * MIB },
    ...{ bytesDone, bytesTotal },
  });
  const restore = (state: RestoreView['state'], steps: Step[]) =>
    aRestoreView({ state, steps, disks: [disk(1, 10), disk(2, 20)] });

  it('has bytes in the step that moves them, and the sum of all disks', () => {
    const moving = restore('running', [step(4, 'launch-worker', 'done'), step(5, 'restore-data', 'running')]);
    expect(progressOf(moving)).toStrictEqual({ label: '5 restore-data', bytesDone: 3, bytesTotal: 30 });
  });

  it('is the coming step between two, and the state where none is under way', () => {
    const between = restore('running', [step(6, 'detach-disks', 'done'), step(7, 'deallocate-worker', 'pending')]);
    expect(progressOf(between).label).toBe('7 deallocate-worker');
    expect(progressOf(restore('completed', [step(11, 'attach-disks', 'done')])).label).toBe('completed');
    expect(progressOf(restore('cancelling', [step(5, 'restore-data', 'running')])).label).toBe('cancelling');
  });

  it('says at once why a restore goes back, while what it has created is being removed', () => {
    const error = { code: 'TARGET_FULL', message: 'There is no space left for the disk "d".', fix: 'Make room.' };
    const back = { ...restore('rolling-back', [step(5, 'restore-data', 'failed')]), error };
    expect(progressOf(back).label).toBe('rolling-back: There is no space left for the disk "d".');
    assert.equal(progressOf({ ...back, state: 'failed' }).label, 'failed', 'its end is told with the remedy');
  });
});
