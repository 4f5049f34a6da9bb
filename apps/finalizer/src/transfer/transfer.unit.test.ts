import { afterEach, describe, expect, it, jest } from '@jest/globals';
import assert from 'node:assert/strict';
import { RetryableError, type RestoreEvent } from '@landfall/domain';
import { requestResume } from '@landfall/pipeline';
import fc from 'fast-check';
import { fakeOnly } from '@landfall/testing/fake-timers';
import { SEGMENT_BYTES } from '@landfall/transfer';
import { RESTORE_ID, Scene, type SceneDisk } from './transfer-scene.fixture.test.js';

/** A disk of so many segments, those at the given places with data. */
function disk(name: string, segments: number, withData: readonly number[]): SceneDisk {
  const extents = withData.map((index) => ({ offset: index * SEGMENT_BYTES, length: SEGMENT_BYTES }));
  return { name, sizeBytes: segments * SEGMENT_BYTES, extents };
}

const full = (name: string, segments: number): SceneDisk => disk(name, segments, [...Array(segments).keys()]);

describe('step 5', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('moves every segment and ends with their number and bytes', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 40), disk('sdb', 10, [3, 7])] });
    await scene.runStep();
    expect((await scene.step()).parked).toBe(true);
    await scene.workOff();
    const step = await scene.step();
    expect(step.state).toBe('done');
    expect(step.output).toStrictEqual({ segments: 42, bytesMoved: 42 * SEGMENT_BYTES, bytesVerified: 0 });
  });

  it('hands out a window at a time on each worker’s own queue', async () => {
    const disks = [full('sda', 40), full('sdb', 40), full('sdc', 3)];
    const scene = await Scene.begin({ disks, workers: [['sda', 'sdb'], ['sdc']] });
    await scene.runStep();
    const onQueue = (queue: string) => scene.waiting.filter((message) => message.queue === queue).length;
    expect(onQueue('mover-worker-w0')).toBe(24);
    expect(onQueue('mover-worker-w1')).toBe(3);
    await scene.take(0, 'm/1');
    await scene.done(scene.held[0]!);
    expect(scene.waiting.length).toBe(27);
  });

  it('is done at once when there is nothing to write', async () => {
    const scene = await Scene.begin({ disks: [disk('sda', 8, [])], verify: 'sampled' });
    await scene.runStep();
    expect((await scene.step()).state).toBe('done');
    expect(scene.waiting.length).toBe(0);
  });

  it('reads everything back in mode full, holes and an empty disk included, after everything is written', async () => {
    const scene = await Scene.begin({ disks: [disk('sda', 8, [1]), disk('sdb', 3, [])], verify: 'full' });
    await scene.runStep();
    expect(scene.waiting.length).toBe(1);
    await scene.take(0, 'm/1');
    await scene.done(scene.held[0]!);
    expect(scene.waiting.length).toBe(11);
    await scene.workOff();
    const events = await scene.books.events(RESTORE_ID);
    const order = events.filter((event) => event.type === 'segment.claimed').map((event) => event.data['purpose']);
    expect(order).toStrictEqual(['move', ...Array<string>(11).fill('verify')]);
    expect((await scene.step()).output).toStrictEqual({
      segments: 1,
      bytesMoved: SEGMENT_BYTES,
      bytesVerified: 11 * SEGMENT_BYTES,
    });
  });

  it('verifies an empty disk in mode full although nothing is written', async () => {
    const scene = await Scene.begin({ disks: [disk('sda', 4, [])], verify: 'full' });
    await scene.runStep();
    expect(scene.waiting.length).toBe(4);
    await scene.workOff();
    expect((await scene.step()).state).toBe('done');
  });

  it('lets the restore turn round with the error of a segment that can’t succeed', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 4)] });
    await scene.runStep();
    await scene.take(0, 'm/1');
    await scene.failed(scene.held[0]!, 'BLOB_CORRUPT');
    const restore = await scene.restore();
    expect(restore.state).toBe('rolling-back');
    expect(restore.error?.code).toBe('BLOB_CORRUPT');
    expect((await scene.take(0, 'm/1'))?.kind).toBe('stale');
  });

  it('keeps with the segment which part of the disk is damaged in the backup', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 4)] });
    await scene.runStep();
    await scene.take(0, 'm/1');
    const { segment } = scene.held[0]!;
    const range = { offset: segment.offsetBytes + 4096, length: 1024 };
    await scene.failed(scene.held[0]!, 'BLOB_CORRUPT', { ...range, blob: 'ab'.repeat(32) });
    const [failed, ...others] = await scene.books.failedSegments(RESTORE_ID, 10);
    expect(others).toStrictEqual([]);
    expect(failed).toMatchObject({ segment: { id: segment.id }, error: { code: 'BLOB_CORRUPT', range } });
  });

  it('tries a segment eight times, each under a new epoch, and then leaves it to a person', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    const epochs: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.take(0, 'm/1');
      epochs.push(scene.held[0]!.segment.epoch);
      await scene.failed(scene.held[0]!, 'STORE_UNREACHABLE');
    }
    expect(epochs).toStrictEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const restore = await scene.restore();
    expect(restore.state).toBe('needs-attention');
    expect(restore.error?.code).toBe('STORE_UNREACHABLE');

    await requestResume(scene.books, RESTORE_ID, 'someone');
    await scene.runStep();
    await scene.workOff();
    expect((await scene.step()).state).toBe('done');
  });

  it('delays a segment that has failed, and not one that was given back', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'm/1');
    await scene.failed(scene.held[0]!, 'STORE_UNREACHABLE');
    expect(scene.waiting[0]!.delayMs!).toBeGreaterThanOrEqual(500);
    await scene.take(0, 'm/1');
    await scene.givenBack(scene.held[0]!);
    expect(scene.waiting[0]!.delayMs!).toBeLessThanOrEqual(500);
    const [segment] = await scene.books.segments(RESTORE_ID);
    expect(segment!.attempts).toBe(1);
  });

  it('takes a result of an earlier holder for nothing', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'old/1', true);
    await scene.take(0, 'new/1');
    const [old, young] = scene.held;
    expect([old!.segment.epoch, young!.segment.epoch]).toStrictEqual([1, 2]);
    await scene.done(old!);
    expect((await scene.step()).state).toBe('running');
    await scene.done(young!);
    expect((await scene.step()).state).toBe('done');
  });

  it('hands out at once what a data-mover held that has been started again', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 3)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/aaaa');
    await scene.take(0, 'w0-1/bbbb');
    scene.kill('w0-0/aaaa');
    await scene.started('w0-0/cccc');
    expect(scene.waiting.map((message) => message.payload['epoch'])).toStrictEqual([1, 2]);
    await scene.workOff('w0-0/cccc');
    expect((await scene.step()).state).toBe('done');
  });

  it('does not take from a data-mover what it has claimed since it was started', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/cccc');
    await scene.started('w0-0/cccc');
    expect(scene.waiting.length).toBe(0);
  });

  it('hands out again what the queue has forgotten, and nothing else', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 4)] });
    await scene.runStep();
    await scene.take(0, 'm/1');
    const kept = scene.waiting[0]!;
    scene.waiting = [kept];
    await scene.reconcile();
    expect(scene.waiting.filter((message) => message === kept).length).toBe(1);
    expect(scene.waiting.map((message) => message.payload['epoch']).sort()).toStrictEqual([1, 2, 2]);
  });

  it('ends with needs-attention when a worker’s data-movers are silent for ten minutes', async () => {
    fakeOnly('Date', 'performance');
    const scene = await Scene.begin({ disks: [full('sda', 2)] });
    await scene.runStep();
    await scene.reconcile();
    jest.advanceTimersByTime(9 * 60_000);
    await scene.registry.heartbeat('w0', { name: 'w0-0', pid: 1 });
    jest.advanceTimersByTime(9 * 60_000);
    await scene.reconcile();
    expect((await scene.restore()).state).toBe('running');
    jest.advanceTimersByTime(60_000);
    await scene.reconcile();
    const restore = await scene.restore();
    expect(restore.state).toBe('needs-attention');
    expect(restore.error?.code).toBe('WORKER_SILENT');
    expect(restore.error?.fix ?? '').toMatch(/resume/);
    await requestResume(scene.books, RESTORE_ID, 'someone');
    const launch = (await scene.restore()).works.find((step) => step.id === 'launch-worker');
    expect(launch?.state).toBe('pending');
  });

  it('keeps a result that comes while the restore needs attention', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 2)] });
    await scene.runStep();
    await scene.take(0, 'm/1');
    await scene.take(0, 'm/1');
    const [first, second] = scene.held;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.failed(attempt === 0 ? second! : scene.held.at(-1)!, 'STORE_UNREACHABLE');
      if (attempt < 7) await scene.take(0, 'm/1');
    }
    expect((await scene.restore()).state).toBe('needs-attention');
    await scene.done(first!);
    await requestResume(scene.books, RESTORE_ID, 'someone');
    await scene.runStep();
    expect(scene.waiting.length).toBe(1);
  });
});

describe('step 5 without a worker', () => {
  it('grants writing before the first segment, ends it before anything is verified, and forgets all access at the end', async () => {
    const scene = await Scene.begin({
      disks: [full('sda', 2), disk('sdb', 2, [])],
      transfer: 'direct',
      verify: 'sampled',
    });
    await scene.runStep();
    expect(scene.cloudCalls).toStrictEqual(['grant sda', 'grant sdb']);
    expect(scene.waiting.every((message) => message.queue === 'mover-pool')).toBe(true);
    await scene.workOff();
    expect(scene.cloudCalls.slice(2)).toStrictEqual([
      `footer sda ${2 * SEGMENT_BYTES}`,
      'revoke sda',
      `footer sdb ${2 * SEGMENT_BYTES}`,
      'revoke sdb',
      'grant reading sda',
      'grant reading sdb',
      'revoke sda',
      'revoke sdb',
    ]);
    expect((await scene.step()).state).toBe('done');
    expect(await scene.accesses.access(RESTORE_ID, 'sda')).toBe(null);
  });

  it('completes disks to which nothing is written', async () => {
    const scene = await Scene.begin({ disks: [disk('sda', 2, [])], transfer: 'direct' });
    await scene.runStep();
    expect(scene.cloudCalls).toStrictEqual(['grant sda', `footer sda ${2 * SEGMENT_BYTES}`, 'revoke sda']);
    expect((await scene.step()).state).toBe('done');
  });

  it('does not write to a disk again whose access an earlier attempt has ended', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct' });
    await scene.runStep();
    scene.diskStates.set('sda', 'Unattached');
    await scene.workOff();
    expect(scene.cloudCalls).toStrictEqual(['grant sda']);
    expect((await scene.step()).state).toBe('done');
  });

  it('grants access anew that somebody has ended, once the restore is resumed', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct' });
    await scene.runStep();
    scene.diskStates.set('sda', 'ReadyToUpload');
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.take(0, 'm/1');
      await scene.failed(scene.held.at(-1)!, 'TARGET_DENIED');
    }
    expect((await scene.restore()).state).toBe('needs-attention');
    await requestResume(scene.books, RESTORE_ID, 'someone');
    await scene.runStep();
    expect(scene.cloudCalls).toStrictEqual(['grant sda', 'grant sda']);
    await scene.workOff();
    expect((await scene.step()).state).toBe('done');
  });

  it('grants nothing when all is read back and only the end is missing', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct', verify: 'full' });
    await scene.runStep();
    await scene.take(0, 'm/1');
    await scene.done(scene.held[0]!);
    await scene.take(0, 'm/1');
    const [last] = scene.held;
    const revoke = { code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' };
    scene.failNextRevocation = new RetryableError(revoke);
    await scene.done(last!);
    expect((await scene.step()).state).toBe('pending');
    // The call that seemed to fail was heard after all.
    scene.diskStates.set('sda', 'Unattached');
    const before = scene.cloudCalls.length;
    await scene.runStep();
    expect(scene.cloudCalls.slice(before)).toStrictEqual([]);
    expect(await scene.accesses.access(RESTORE_ID, 'sda')).toBe(null);
    expect((await scene.step()).state).toBe('done');
  });

  it('is sealed, opened and closed by one finalizer at a time', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1), full('sdb', 1)], transfer: 'direct', verify: 'full' });
    await scene.runStep();
    const before = scene.cloudCalls.length;
    const others: Promise<void>[] = [];
    const second = scene.anotherFinalizer();
    // Whatever the first one is at, the second comes by: with its reconciler and with a job of its own.
    const first = scene.anotherFinalizer(async () => {
      others.push(second.goOn(RESTORE_ID), second.reconcile());
      await Promise.all(others);
    });
    Object.assign(scene, { transfer: first });
    await scene.workOff();
    await Promise.all(others);
    expect((await scene.step()).state).toBe('done');
    expect(scene.cloudCalls.slice(before)).toStrictEqual([
      ...['sda', 'sdb'].flatMap((disk) => [`footer ${disk} ${SEGMENT_BYTES}`, `revoke ${disk}`]),
      ...['grant reading sda', 'grant reading sdb', 'revoke sda', 'revoke sdb'],
    ]);
    expect((await scene.restore()).error).toBe(null);
  });

  it('is opened for reading anew once the restore is resumed: what the books have may be void', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct', verify: 'full' });
    await scene.runStep();
    await scene.take(0, 'm/1');
    await scene.done(scene.held[0]!);
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.take(0, 'm/1');
      await scene.failed(scene.held.at(-1)!, 'TARGET_DENIED');
    }
    expect((await scene.restore()).state).toBe('needs-attention');
    const stale = await scene.accesses.access(RESTORE_ID, 'sda');
    const before = scene.cloudCalls.length;
    await requestResume(scene.books, RESTORE_ID, 'someone');
    await scene.runStep();
    expect(scene.cloudCalls.slice(before)).toStrictEqual(['revoke sda', 'grant reading sda']);
    expect((await scene.accesses.access(RESTORE_ID, 'sda'))?.sealedUrl).not.toBe(stale?.sealedUrl);
    await scene.workOff();
    expect((await scene.step()).state).toBe('done');
  });

  it('changes nothing of what another finalizer has made meanwhile', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct', verify: 'full' });
    await scene.runStep();
    const present = await scene.accesses.access(RESTORE_ID, 'sda');
    // One that has stood still while its lease ran out, and whose successor is further by now.
    const late = scene.anotherFinalizer(async (call) => {
      if (call.startsWith('revoke'))
        await scene.accesses.put({ ...present!, sealedUrl: 'newer', purpose: 'read' }, present);
    });
    Object.assign(scene, { transfer: late });
    await scene.take(0, 'm/1');
    await scene.done(scene.held[0]!);
    expect((await scene.accesses.access(RESTORE_ID, 'sda'))?.sealedUrl).toBe('newer');
    const step = await scene.step();
    expect([step.state, step.error?.code]).toStrictEqual(['pending', 'ACCESS_CHANGED']);
  });

  it('holds up no other restore with one whose pass fails', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 2)] });
    await scene.runStep();
    scene.waiting = [];
    const failures: unknown[] = [];
    const { books } = scene;
    const withOneMore = new Proxy(books, {
      get(target, name) {
        if (name === 'parked') {
          const broken = { restoreId: 'rbroken', work: 'restore-data', epoch: 1 };
          return async () => [broken, ...(await target.parked())];
        }
        if (name === 'restore') {
          return async (id: string) => {
            if (id === 'rbroken') throw new RetryableError({ code: 'RESOURCE_BUSY', message: 'Busy.', fix: 'Wait.' });
            return target.restore(id);
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    Object.assign(scene, { books: withOneMore });
    await scene.anotherFinalizer(undefined, (restoreId) => failures.push(restoreId)).reconcile();
    await scene.relay();
    expect(failures).toStrictEqual(['rbroken']);
    expect(scene.waiting.map((message) => message.payload['epoch'])).toStrictEqual([2, 2]);
  });

  it('keeps the access sealed in the books', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)], transfer: 'direct' });
    await scene.runStep();
    const access = await scene.accesses.access(RESTORE_ID, 'sda');
    expect(access!.sealedUrl).not.toMatch(/secret/);
    const url = scene.secrets.open(access!.sealedUrl, `disk-access:${RESTORE_ID}/sda`);
    expect(url.reveal()).toBe('https://disks.example/sda?sig=secret');
    expect(JSON.stringify([scene.waiting, await scene.books.events(RESTORE_ID)])).not.toContain('sig=');
  });
});

describe('step 5 under faults', () => {
  it('ends with every segment done once and none taken after it was done, whatever happens in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(99), fc.nat(50)), { maxLength: 250 }), async (actions) => {
        const disks = [full('sda', 20), disk('sdb', 20, [0, 4, 5, 19])];
        const scene = await Scene.begin({ disks, verify: 'sampled' });
        await scene.runStep();
        let instance = 0;
        for (const [action, choice] of actions) {
          const held = scene.held[choice % Math.max(1, scene.held.length)];
          if (action < 30) await scene.take(choice, `m${choice % 3}/${instance}`);
          else if (action < 38) await scene.take(choice, `m${choice % 3}/${instance}`, true);
          else if (action < 65 && held) await scene.done(held, 1 + (choice % 2));
          else if (action < 72 && held) await scene.failed(held, 'STORE_UNREACHABLE');
          else if (action < 76 && held) await scene.givenBack(held);
          else if (action < 82) {
            scene.kill(`m${choice % 3}/${instance}`);
            instance += 1;
            await scene.started(`m${choice % 3}/${instance}`);
          } else if (action < 84) scene.waiting = [];
          else if (action < 86) scene.held = [];
          else if (action < 92) await scene.reconcile();
          else if (action < 95) await scene.runStep();
          else if (action < 97 && (await scene.restore()).state === 'needs-attention') {
            await requestResume(scene.books, RESTORE_ID, 'someone');
          }
        }
        await settle(scene);
        expect((await scene.step()).state).toBe('done');
        checkHistory(await scene.books.events(RESTORE_ID, 0, 100_000), 24);
      }),
      { numRuns: 40 },
    );
  });
});

/** No more faults: everything that is left comes to its end within a bound. */
async function settle(scene: Scene): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    if ((await scene.step()).state === 'done') return;
    if ((await scene.restore()).state === 'needs-attention') await requestResume(scene.books, RESTORE_ID, 'someone');
    await scene.runStep();
    scene.held = [];
    await scene.reconcile();
    await scene.workOff('last/1');
  }
}

function checkHistory(events: readonly RestoreEvent[], moved: number): void {
  const done = events.filter((event) => event.type === 'segment.done');
  const ids = done.map((event) => event.data['segmentId']);
  assert.equal(new Set(ids).size, ids.length, 'no segment is done twice');
  expect(done.filter((event) => event.data['purpose'] === 'move').length).toBe(moved);
  for (const { sequence, data } of done) {
    const later = events.find(
      (event) =>
        event.sequence > sequence && event.type === 'segment.claimed' && event.data['segmentId'] === data['segmentId'],
    );
    assert.equal(later, undefined, `segment ${String(data['segmentId'])} is not taken after it was done`);
  }
  const lastMove = Math.max(...done.filter((event) => event.data['purpose'] === 'move').map((event) => event.sequence));
  const firstVerify = events.find((event) => event.type === 'segment.claimed' && event.data['purpose'] === 'verify');
  assert.ok(
    firstVerify === undefined || firstVerify.sequence > lastMove,
    'nothing is written after the verification began',
  );
}
