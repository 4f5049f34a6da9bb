import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { CLAIM_TAG, PermanentError, RetryableError } from '@landfall/domain';
import {
  beginWork,
  redispatch,
  requestCancel,
  purgeWhatIsDue,
  requestPurge,
  requestResume,
  requestRollback,
  STEP_ATTEMPTS,
} from '@landfall/pipeline';
import { CutOverScene, dies, diesOnce, goOn } from './scene.fixture.test.js';

const FORWARD = ['remove-source', 'move-disks', 'create-vm', 'attach-disks', 'remove-staging-resource-group'];
const WEEK_MS = 7 * 24 * 3_600_000;
/** One of each of its disks. */
const FIRST_SNAPSHOTS = 3;
const AWAY = new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
const REFUSED = new PermanentError({ code: 'AZURE_DENIED', message: 'Not allowed.', fix: 'Allow it.' });

/** The machine stands anew: around the restored disks and the one that is kept, with the network interface that it had. */
async function expectReplaced(scene: CutOverScene): Promise<void> {
  const vm = scene.vm();
  assert.ok(vm);
  const { disks } = await scene.restore();
  const idOf = (name: string) => disks.find((disk) => disk.name === name)?.azureId;
  expect(vm.instanceId).not.toBe(scene.source.instanceId);
  expect([vm.name, vm.powerState, vm.nicIds]).toStrictEqual(['web', 'running', scene.source.nicIds]);
  expect(vm.osDiskId).toBe(idOf('os'));
  expect(vm.dataDisks).toStrictEqual([
    { diskId: idOf('data'), lun: 0 },
    { diskId: scene.disks.get('kept')?.azureId, lun: 5 },
  ]);
  for (const { azureId } of disks) expect(azureId).toContain('/resourceGroups/apps/');
  expect(await scene.standing()).toStrictEqual(['kept']);
  expect(await scene.openChanges()).toStrictEqual([]);
  expect(vm.tags[CLAIM_TAG]).toBe(undefined);
  expect(vm.tags['team']).toBe('shop');
  expect(scene.groups()).toStrictEqual([`landfall-safety-${scene.restoreId}`]);
  expect(scene.cloud.subscription.snapshots.size).toBe(3);
}

/** The source is as it was found, and so is everything else but for what is written and waits. */
async function expectUntouched(scene: CutOverScene, powerState = 'running'): Promise<void> {
  expect(scene.vm()).toMatchObject({ instanceId: scene.source.instanceId, powerState, tags: scene.source.tags });
  expect(await scene.standing()).toStrictEqual(['os', 'data', 'kept']);
  expect(await scene.openChanges()).toStrictEqual([]);
}

/** It stands again with what its disks held when it was stopped. */
async function expectBack(scene: CutOverScene): Promise<void> {
  const vm = scene.vm();
  assert.ok(vm);
  expect([vm.name, vm.powerState, vm.nicIds]).toStrictEqual(['web', 'running', scene.source.nicIds]);
  expect(vm.osDiskId?.toLowerCase()).toBe(scene.disks.get('os')?.azureId.toLowerCase());
  expect(vm.dataDisks.map(({ diskId, lun }) => [diskId.toLowerCase(), lun])).toStrictEqual([
    [scene.disks.get('data')?.azureId.toLowerCase(), 0],
    [scene.disks.get('kept')?.azureId.toLowerCase(), 5],
  ]);
  expect(await scene.openChanges()).toStrictEqual([]);
  expect(scene.cloud.subscription.snapshots.size).toBe(3);
  // It is its owner's, with all its parts: nothing tells any more that we have made it.
  expect(vm.tags).toStrictEqual(scene.source.tags);
  for (const { azureId } of scene.disks.values())
    expect((await scene.cloud.reader.disk(azureId))?.tags).toStrictEqual(scene.source.tags);
}

describe('a restore to the original location', () => {
  it('replaces the machine: what it had stays, what the point replaces is gone, and of all that its snapshots are kept', async () => {
    const scene = await CutOverScene.ready();
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    await expectReplaced(scene);
  });

  it('stops it after everything is checked and written, takes its snapshots, and removes only then', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const { changes } = scene.cloud.subscription;
    // Of the first snapshots where it comes to them for the first time.
    const at = (change: string, from = 0) =>
      changes.findIndex((each, place) => place >= from && each.startsWith(change));
    const order = [
      'snapshots.ensure',
      'sources.claim',
      'sources.holdAddresses',
      'sources.keepParts',
      'machines.stopSource',
    ];
    const removal = [
      'snapshots.ensure',
      'machines.removeSource',
      'disks.removeSource',
      'groups.moveDisks',
      'machines.recreate',
    ];
    const places = [
      ...order.map((change) => at(change)),
      ...removal.map((change) => at(change, at('machines.stopSource'))),
    ];
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toStrictEqual([...places].sort((a, b) => a - b));
  });

  it('has a first snapshot of each disk, complete and not an hour old, before it is stopped; they are gone at the end', async () => {
    const scene = await CutOverScene.ready();
    const { subscription, reader } = scene.cloud;
    subscription.failNext('sources.claim', AWAY);
    await scene.run('remove-source');
    const firsts = [...subscription.snapshots.values()];
    expect(firsts.map(({ diskId }) => diskId).toSorted()).toStrictEqual(
      [...scene.disks.values()].map(({ azureId }) => azureId).toSorted(),
    );
    expect(scene.vm()?.powerState).toBe('running');
    const snapshot = reader.snapshot.bind(reader);
    let ageMinutes = 30;
    reader.snapshot = async (id) => {
      const found = await snapshot(id);
      return found && { ...found, takenAt: new Date(scene.now.getTime() - ageMinutes * 60_000) };
    };
    subscription.failNext('sources.claim', AWAY);
    await scene.run('remove-source');
    expect(firsts).toStrictEqual([...subscription.snapshots.values()]);
    ageMinutes = 61;
    subscription.failNext('sources.claim', AWAY);
    await scene.run('remove-source');
    expect(subscription.snapshots.size).toBe(FIRST_SNAPSHOTS);
    expect(firsts.some((first) => [...subscription.snapshots.values()].includes(first))).toBe(false);
    reader.snapshot = snapshot;
    await scene.runAll();
    await expectReplaced(scene);
  });

  it('takes no first snapshots of one that stands still', async () => {
    const scene = await CutOverScene.ready('deallocated');
    await scene.runAll();
    const { changes } = scene.cloud.subscription;
    const asked = changes.filter((change) => change.startsWith('snapshots.ensure'));
    expect(asked.length).toBeGreaterThan(0);
    // The number in their names is that of the take; 0 is that of the first ones.
    expect(asked.filter((change) => !change.includes(`-${scene.restoreId}-1-`))).toStrictEqual([]);
  });

  it('attaches again at its LUN what was attached after the plan', async () => {
    const scene = await CutOverScene.ready();
    const late = await scene.attachToSource('late', 9);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(scene.vm()?.dataDisks.map(({ lun }) => lun)).toStrictEqual([0, 5, 9]);
    expect(scene.vm()?.dataDisks).toContainEqual({ diskId: late, lun: 9 });
  });

  it('attaches again what was attached behind the gate, before the machine was removed; of that there is a snapshot, too', async () => {
    const scene = await CutOverScene.ready();
    const { books } = scene;
    let late = '';
    const sourceRecord = books.sourceRecord.bind(books);
    // The last look before the removal is asked for.
    books.sourceRecord = async (id) => {
      const record = await sourceRecord(id);
      const isLast = record?.snapshots.some(({ isOfLastState }) => isOfLastState) ?? false;
      if (late === '' && isLast) late = await scene.attachToSource('late', 9);
      return record;
    };
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(late).not.toBe('');
    expect(scene.vm()?.dataDisks).toContainEqual({ diskId: late, lun: 9 });
    expect((await books.sourceRecord(scene.restoreId))?.snapshots.map(({ lun }) => lun)).toContain(9);
  });

  it('attaches it in step 11 where somebody has detached it in between', async () => {
    const scene = await CutOverScene.ready();
    const late = await scene.attachToSource('late', 9);
    while ((await scene.next())?.work !== 'attach-disks') await scene.run((await scene.next())!.work);
    await scene.detachFromMachine(9);
    await scene.runAll();
    expect(scene.vm()?.dataDisks).toContainEqual({ diskId: late, lun: 9 });
  });

  it('keeps it beside the machine where a restored disk has its LUN, and tells so', async () => {
    const scene = await CutOverScene.ready();
    await scene.detachFromMachine(0);
    const late = await scene.attachToSource('late', 0);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(scene.vm()?.dataDisks.map(({ diskId }) => diskId)).not.toContain(late);
    expect(await scene.cloud.reader.disk(late)).toMatchObject({ diskState: 'Unattached' });
  });

  it('leaves a machine stopped that was found stopped, when it is put back', async () => {
    const scene = await CutOverScene.ready('deallocated');
    scene.cloud.subscription.failNext('snapshots.ensure', REFUSED);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
    await expectUntouched(scene, 'deallocated');
  });

  it('comes to the same end, wherever its process dies', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready();
      const died = await diesOnce(scene, boundary);
      expect(await scene.state()).toStrictEqual(['completed', undefined]);
      await expectReplaced(scene);
      if (!died) break;
      expect(boundary).toBeLessThan(300);
    }
  });
});

describe('before the gate', () => {
  it('a refusal touches nothing, keeps what is written, and a resumption goes on from there', async () => {
    const scene = await CutOverScene.ready();
    const size = scene.cloud.subscription.seed.sizes.find(({ name }) => name === scene.source.size);
    Object.assign(size!, { restrictedInRegion: true });
    expect(await scene.runAll()).toStrictEqual(['remove-source']);
    expect(await scene.state()).toStrictEqual(['needs-attention', 'SIZE_UNAVAILABLE']);
    await expectUntouched(scene);
    expect(scene.cloud.subscription.changes.filter((change) => /^(sources|machines\.stop)/.test(change))).toStrictEqual(
      [],
    );
    Object.assign(size!, { restrictedInRegion: false });
    await requestResume(scene.books, scene.restoreId, 'olivia');
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
  });

  it.each(['vm', 'disk', 'snapshot', 'resource-group'] as const)(
    'a policy that denies what is made from the stop on is found before anything is touched: a %s',
    async (kind) => {
      const scene = await CutOverScene.ready();
      const { subscription, reader } = scene.cloud;
      const policy = { name: 'nothing-new', scope: `/subscriptions/${reader.subscriptionId}`, kind };
      subscription.policies = [{ ...policy, effect: 'deny' }];
      expect(await scene.runAll()).toStrictEqual(['remove-source']);
      expect(await scene.state()).toStrictEqual(['needs-attention', 'POLICY_DENIED']);
      expect((await scene.restore()).error?.message).toMatch(/policyAssignments\/nothing-new/);
      await expectUntouched(scene);
      expect(subscription.changes.filter((change) => /^(sources|machines\.stop)/.test(change))).toStrictEqual([]);
      const restored = (await scene.restore()).disks.map(({ azureId }) => reader.disk(azureId ?? ''));
      expect((await Promise.all(restored)).every((disk) => disk !== null)).toBe(true);
      subscription.policies = [{ ...policy, effect: 'audit' }];
      await requestResume(scene.books, scene.restoreId, 'olivia');
      expect(await scene.runAll()).toStrictEqual(FORWARD);
      await expectReplaced(scene);
    },
  );

  it('policies that nobody may ask about stop nothing', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.policiesUntold = { code: 'PERMISSION', message: 'Not allowed.', fix: 'Allow it.' };
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
  });

  it('a lock or a right that is missing is found before anything is touched', async () => {
    const scope = '/subscriptions/s/resourceGroups/apps';
    const scene = await CutOverScene.ready();
    const { subscription, reader } = scene.cloud;
    const on = scene.source.azureId.replace(/\/providers.*/, '');
    subscription.locks = [{ azureId: `${scope}/locks/hold`, name: 'hold', scope: on, level: 'CanNotDelete' }];
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'LOCKED']);
    await expectUntouched(scene);
    subscription.locks = [];
    const actionsMissing = reader.actionsMissing.bind(reader);
    for (const wanted of ['Microsoft.Compute/disks/delete', 'resourceGroups/moveResources/action']) {
      reader.actionsMissing = async (_, actions) => actions.filter((action) => action.endsWith(wanted));
      await requestResume(scene.books, scene.restoreId, 'olivia');
      await scene.runAll();
      expect(await scene.state()).toStrictEqual(['needs-attention', 'PERMISSION']);
      expect((await scene.restore()).error?.message).toContain(wanted);
      await expectUntouched(scene);
    }
    expect(subscription.changes.filter((change) => /^(sources|machines\.stop)/.test(change))).toStrictEqual([]);
    reader.actionsMissing = actionsMissing;
    await requestResume(scene.books, scene.restoreId, 'olivia');
    expect(await scene.runAll()).toStrictEqual(FORWARD);
  });

  it('an approval that has run out is asked for again, and nothing is touched meanwhile', async () => {
    const scene = await CutOverScene.ready();
    scene.now = new Date(scene.now.getTime() + (7 * 24 - 1) * 3_600_000);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['awaiting-approval', undefined]);
    await expectUntouched(scene);
    await scene.approve();
    expect(await scene.runAll()).toStrictEqual(FORWARD);
  });

  for (const call of ['sources.keepParts', 'machines.stopSource', 'snapshots.ensure', 'groups.ensure'] as const) {
    it(`what is refused for good at ${call} lets the source run as it was found`, async () => {
      const scene = await CutOverScene.ready();
      scene.cloud.subscription.failNext(call, REFUSED);
      expect(await scene.runAll()).toStrictEqual(['remove-source']);
      expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
      await expectUntouched(scene);
      expect((await scene.restore()).cutOverAt).toBe(null);
    });
  }

  it('one that is tried in vain until nothing is left but a person lets the source run, too', async () => {
    const scene = await CutOverScene.ready();
    // One for each of three disks.
    for (let time = 0; time < 3 * STEP_ATTEMPTS; time += 1) scene.cloud.subscription.failNext('snapshots.ensure', AWAY);
    expect((await scene.runAll()).length).toBe(STEP_ATTEMPTS);
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_UNREACHABLE']);
    await expectUntouched(scene);
  });

  it('one whose process dies every time, or that can’t be started for a while, is tried until the source runs', async () => {
    const scene = await CutOverScene.ready();
    for (let time = 0; time < STEP_ATTEMPTS; time += 1) {
      const run = await scene.next();
      assert.ok(run && (await beginWork(scene.books, run)));
      if (time === 0) await scene.cloud.machines.stopSource(scene.source, scene.journal(run));
      await redispatch(scene.books, run);
    }
    for (let time = 0; time < 3; time += 1) scene.cloud.subscription.failNext('machines.startSource', AWAY);
    expect((await scene.runAll()).length).toBe(4);
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_UNREACHABLE']);
    await expectUntouched(scene);
  });

  it('one that stands still for longer than it may runs again', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('snapshots.ensure', AWAY, FIRST_SNAPSHOTS);
    await scene.run('remove-source');
    expect(scene.vm()?.powerState).toBe('deallocated');
    scene.now = new Date(scene.now.getTime() + 5 * 3_600_000);
    scene.cloud.subscription.failNext('snapshots.ensure', AWAY);
    await scene.runAll();
    expect((await scene.state())[0]).toBe('needs-attention');
    await expectUntouched(scene);
  });

  it('a source that somebody starts between its snapshots and the gate is let alone', async () => {
    const scene = await CutOverScene.ready();
    const { reader, subscription } = scene.cloud;
    const parts = reader.parts.bind(reader);
    reader.parts = async (id) => {
      subscription.setPower(scene.vm()!, 'running');
      return parts(id);
    };
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'SOURCE_CHANGED']);
    await expectUntouched(scene);
  });

  it('a roll-back before the gate leaves the machine as it was, and none of its snapshots', async () => {
    const scene = await CutOverScene.ready();
    const { reader, subscription } = scene.cloud;
    const parts = reader.parts.bind(reader);
    reader.parts = async (id) => {
      subscription.setPower(scene.vm()!, 'running');
      return parts(id);
    };
    await scene.runAll();
    expect(subscription.snapshots.size).toBe(FIRST_SNAPSHOTS + 3);
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['rolled-back', undefined]);
    await expectUntouched(scene);
    expect([subscription.snapshots.size, scene.groups()]).toStrictEqual([0, []]);
  });

  it('one that was started and stopped again has its snapshots taken anew, and not those of before', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('snapshots.ensure', AWAY, FIRST_SNAPSHOTS);
    await scene.run('remove-source');
    scene.cloud.subscription.setPower(scene.vm()!, 'running');
    scene.cloud.subscription.setPower(scene.vm()!, 'deallocated');
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
    const names = [...scene.cloud.subscription.snapshots.values()].map(({ name }) => name);
    expect(names.every((name) => name.includes(`-${scene.restoreId}-2-`))).toBe(true);
  });

  it('one that Azure does not show for a moment keeps the snapshots that it has', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    const taken = [...scene.cloud.subscription.snapshots.keys()];
    expect(taken.length).toBe(FIRST_SNAPSHOTS + 3);
    const { reader } = scene.cloud;
    const vm = reader.vm.bind(reader);
    let looks = 0;
    // The second look of the run is that at its power, the third that at its disks.
    reader.vm = async (id) => ((looks += 1) === 3 ? null : vm(id));
    await scene.run('remove-source');
    expect(looks).toBe(3);
    expect([...scene.cloud.subscription.snapshots.keys()]).toStrictEqual(taken);
    expect((await scene.books.sourceRecord(scene.restoreId))?.snapshots.length).toBe(3);
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
  });

  it('another machine under its name is not touched', async () => {
    const scene = await CutOverScene.ready();
    Object.assign(scene.vm()!, { instanceId: 'another' });
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'SOURCE_CHANGED']);
    expect(scene.vm()).toMatchObject({ instanceId: 'another', powerState: 'running', tags: scene.source.tags });
  });

  it('a cancel puts everything back, wherever the process died before', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready();
      const died = await dies(scene, boundary);
      const { cutOverAt } = await scene.restore();
      if (!died || cutOverAt !== null) {
        expect(boundary).toBeGreaterThan(10);
        break;
      }
      await requestCancel(scene.books, scene.restoreId, 'olivia');
      await goOn(scene);
      expect(await scene.state()).toStrictEqual(['cancelled', undefined]);
      await expectUntouched(scene);
      expect(scene.groups()).toStrictEqual([]);
      expect(scene.cloud.subscription.snapshots.size).toBe(0);
    }
  });
});

describe('behind the gate', () => {
  it('a VM that Azure will not delete runs again, and a resumption stops it and takes its snapshots anew', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', REFUSED);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
    expect(scene.vm()).toMatchObject({ instanceId: scene.source.instanceId, powerState: 'running' });
    await requestResume(scene.books, scene.restoreId, 'olivia');
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
  });

  it('a VM that Azure does not show for a moment is not taken for one that is gone', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    const { reader } = scene.cloud;
    const vm = reader.vm.bind(reader);
    reader.vm = async () => null;
    await scene.run('remove-source');
    expect(await scene.standing()).toStrictEqual(['os', 'data', 'kept']);
    expect((await scene.next())?.work).toBe('remove-source');
    reader.vm = vm;
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    await expectReplaced(scene);
  });

  it('one that somebody else has deleted is believed to be gone after some looks', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    await scene.cloud.machines.removeSource(scene.source, scene.others);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    await expectReplaced(scene);
  });

  it('one whose removal has told nobody of its effect is brought back from a finished restore as any other', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    await scene.cloud.machines.removeSource(scene.source, scene.others);
    await scene.runAll();
    expect((await scene.state())[0]).toBe('completed');
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['rolled-back', undefined]);
    await expectBack(scene);
  });

  it('one whose removal has told nobody of its effect is in the ledger as gone before it is brought back', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    await scene.cloud.machines.removeSource(scene.source, scene.others);
    scene.cloud.subscription.failNext('machines.recreate', REFUSED);
    await scene.runAll();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    await expectBack(scene);
    const ledger = await scene.books.ledger(scene.restoreId);
    expect(ledger.flatMap(({ kind, purpose }) => (kind === 'vm' ? [purpose] : []))).toStrictEqual(['brought-back']);
  });

  it('one that somebody makes anew while it is looked at keeps the snapshots that it has', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    const { reader } = scene.cloud;
    const vm = reader.vm.bind(reader);
    let looks = 0;
    reader.vm = async (id) => {
      const found = await vm(id);
      return found !== null && (looks += 1) >= 3 ? { ...found, instanceId: 'another', dataDisks: [] } : found;
    };
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'SOURCE_CHANGED']);
    expect((await scene.books.sourceRecord(scene.restoreId))?.snapshots.length).toBe(3);
    expect(scene.cloud.subscription.snapshots.size).toBe(FIRST_SNAPSHOTS + 3);
  });

  it('disks are left of one that somebody else has removed before it was known to stand still', async () => {
    const scene = await CutOverScene.ready();
    const { books, restoreId } = scene;
    scene.cloud.subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    const record = await books.sourceRecord(restoreId);
    assert.ok(record);
    const snapshots = record.snapshots.map((each) => ({ ...each, isOfLastState: false }));
    await books.transaction(async (tx) => {
      await tx.lockRestore(restoreId);
      await tx.recordSource(restoreId, { ...record, snapshots });
    });
    await scene.cloud.machines.removeSource(scene.source, scene.others);
    await scene.runAll();
    expect((await scene.state())[0]).toBe('completed');
    expect(await scene.standing()).toStrictEqual(['os', 'data', 'kept']);
  });

  it('one that somebody starts while its snapshots are taken is stopped again, and they are taken anew', async () => {
    const scene = await CutOverScene.ready();
    const { reader, subscription } = scene.cloud;
    subscription.failNext('machines.removeSource', AWAY);
    await scene.run('remove-source');
    subscription.setPower(scene.vm()!, 'running');
    const vm = reader.vm.bind(reader);
    let looks = 0;
    // What was read is older than what is taken.
    reader.vm = async (id) => {
      const found = await vm(id);
      return found !== null && (looks += 1) <= 2 ? { ...found, powerState: 'deallocated' } : found;
    };
    await scene.run('remove-source');
    expect(scene.vm()?.instanceId).toBe(scene.source.instanceId);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    await expectReplaced(scene);
    const names = [...subscription.snapshots.values()].map(({ name }) => name);
    expect(names.every((name) => name.includes(`-${scene.restoreId}-3-`))).toBe(true);
  });

  it('disks that can’t be removed for a while are removed at the end, however often that is tried', async () => {
    const scene = await CutOverScene.ready();
    // Two are replaced: each fails behind the gate, and twice at the end.
    for (let time = 0; time < 6; time += 1) scene.cloud.subscription.failNext('disks.removeSource', AWAY);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(await scene.standing()).toStrictEqual(['kept']);
  });

  it('a disk of it that can’t be deleted holds nothing up, and is tried again at the end', async () => {
    const scene = await CutOverScene.ready();
    scene.cloud.subscription.failNext('disks.removeSource', REFUSED);
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    expect(await scene.events()).toContain('source.disk-left');
    await expectReplaced(scene);
  });

  it('a disk of it that somebody has used since its machine was removed is left, and named', async () => {
    const scene = await CutOverScene.ready();
    const { subscription } = scene.cloud;
    subscription.failNext('disks.removeSource', REFUSED);
    await scene.run('remove-source');
    const disk = subscription.disks.get(scene.disks.get('os')!.azureId.toLowerCase());
    assert.ok(disk);
    // What they have written to it is in no snapshot.
    subscription.setHolder(disk, '/vms/others');
    subscription.setHolder(disk, null);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(await scene.standing()).toStrictEqual(['os', 'kept']);
    const left = (await scene.books.events(scene.restoreId)).findLast(({ type }) => type === 'source.disk-left');
    expect(left?.data).toMatchObject({ azureId: disk.azureId, code: 'SOURCE_DISK_USED' });
  });

  it('a foreign thing in the staging group is left with the group, and named', async () => {
    const scene = await CutOverScene.ready();
    const place = { resourceGroup: `landfall-staging-${scene.restoreId}`, region: 'westeurope', zone: null };
    const spec = { ...place, name: 'theirs', tags: {}, role: 'theirs', purpose: 'result' as const };
    await scene.cloud.disks.ensureEmpty({ ...spec, sizeBytes: 1024 ** 3, sku: 'Premium_LRS', os: null }, scene.others);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(scene.groups()).toContain(place.resourceGroup);
    expect(await scene.events()).toContain('resource.left');
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['rolled-back', undefined]);
    expect(scene.groups()).toContain(place.resourceGroup);
    expect(await scene.events()).toContain('clean-up.left');
  });

  for (const call of ['disks.ensureCopy', 'machines.recreate'] as const) {
    it(`a refusal at ${call} is left to a person: a resumption completes it, a roll-back brings the source back`, async () => {
      for (const wayOut of ['resume', 'rollback'] as const) {
        const scene = await CutOverScene.ready();
        if (call === 'disks.ensureCopy') scene.cloud.subscription.failNext('groups.moveDisks', REFUSED);
        scene.cloud.subscription.failNext(call, REFUSED);
        await scene.runAll();
        expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
        if (wayOut === 'resume') {
          await requestResume(scene.books, scene.restoreId, 'olivia');
          await scene.runAll();
          await expectReplaced(scene);
          continue;
        }
        await requestRollback(scene.books, scene.restoreId, 'olivia');
        expect(await scene.runAll()).toStrictEqual(['bring-source-back', 'remove-created']);
        expect((await scene.state())[0]).toBe('rolled-back');
        await expectBack(scene);
        for (const { azureId } of (await scene.restore()).disks)
          expect(await scene.cloud.reader.disk(azureId!)).toBe(null);
      }
    });
  }

  it('a move that is refused for good, or in vain until the last try, is replaced by copies; what they are of goes', async () => {
    for (const [error, times] of [
      [REFUSED, 1],
      [AWAY, STEP_ATTEMPTS],
    ] as const) {
      const scene = await CutOverScene.ready();
      for (let time = 0; time < times; time += 1) scene.cloud.subscription.failNext('groups.moveDisks', error);
      await scene.runAll();
      expect(await scene.state()).toStrictEqual(['completed', undefined]);
      expect(await scene.events()).toContain('disks.not-moved');
      await expectReplaced(scene);
      const copied = scene.cloud.subscription.changes.filter((change) => change.startsWith('disks.ensureCopy'));
      expect(copied.length).toBe(2);
    }
  });

  it('of disks of which some were moved, the others are copied', async () => {
    const scene = await CutOverScene.ready();
    while ((await scene.next())?.work !== 'move-disks') await scene.run((await scene.next())!.work);
    const [first] = (await scene.restore()).disks;
    const { uniqueId } = (await scene.cloud.reader.disk(first!.azureId!))!;
    const from = first!.azureId!.split('/')[4]!;
    await scene.cloud.groups.moveDisks(
      { from, to: 'apps', disks: [{ azureId: first!.azureId!, uniqueId }] },
      scene.others,
    );
    scene.cloud.subscription.failNext('groups.moveDisks', REFUSED);
    await scene.runAll();
    await expectReplaced(scene);
    const copied = scene.cloud.subscription.changes.filter((change) => change.startsWith('disks.ensureCopy'));
    expect(copied.length).toBe(1);
  });

  it('copies come to the same end, wherever their process dies', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready();
      while ((await scene.next())?.work !== 'move-disks') await scene.run((await scene.next())!.work);
      for (let time = 0; time < 3; time += 1) scene.cloud.subscription.failNext('groups.moveDisks', REFUSED);
      const died = await diesOnce(scene, boundary);
      expect((await scene.state())[0]).toBe('completed');
      await expectReplaced(scene);
      if (!died) break;
      expect(boundary).toBeLessThan(300);
    }
  });

  it('a roll-back leaves the restored machine alone until every disk of the source is made', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const restored = scene.vm()?.instanceId;
    scene.cloud.subscription.failNext('disks.recreate', REFUSED);
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
    expect(scene.vm()?.instanceId).toBe(restored);
  });

  it('a roll-back waits while somebody has another machine in its place, and what it brings back then stays', async () => {
    const scene = await CutOverScene.ready();
    const { vms } = scene.cloud.subscription;
    await scene.run('remove-source');
    const key = scene.source.azureId.toLowerCase();
    vms.set(key, {
      ...scene.source,
      instanceId: 'another',
      tags: {},
      osDiskId: '/disks/another',
      dataDisks: [],
      nicIds: [],
    });
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'NAME_TAKEN']);
    const { machines } = scene.cloud;
    const recreate = machines.recreate.bind(machines);
    machines.recreate = async (...order) => {
      // They remove it at this very moment.
      vms.delete(key);
      return recreate(...order);
    };
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect((await scene.state())[0]).toBe('needs-attention');
    expect(vms.get(key)?.instanceId).toBe('another');
    vms.delete(key);
    await requestResume(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['rolled-back', undefined]);
    await expectBack(scene);
  });

  it('a roll-back of a finished restore brings the machine back and keeps the disks that were in use since', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const { disks } = await scene.restore();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect((await scene.state())[0]).toBe('rolled-back');
    await expectBack(scene);
    for (const { azureId } of disks) expect((await scene.cloud.reader.disk(azureId!))?.diskState).toBe('Unattached');
  });

  it('a roll-back gives back what it has made with the tags that it had, also those of an earlier restore', async () => {
    const scene = await CutOverScene.ready();
    const earlier = { 'landfall-appliance': 'another', 'landfall-restore': 'r0', 'landfall-role': 'vm' };
    Object.assign(scene.vm()!, { tags: { ...scene.source.tags, ...earlier } });
    await scene.runAll();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(scene.vm()?.tags).toStrictEqual({ ...scene.source.tags, ...earlier });
  });

  it('a roll-back whose process dies once everything is given back makes nothing a second time', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    const { subscription } = scene.cloud;
    subscription.failNext('sources.giveBack', AWAY);
    await scene.run('bring-source-back');
    const [vm, inventory] = [scene.vm()?.instanceId, subscription.inventory];
    subscription.failNext('sources.undo', AWAY);
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['rolled-back', undefined]);
    expect(scene.vm()?.instanceId).toBe(vm);
    expect(subscription.inventory.filter((id) => !inventory.includes(id))).toStrictEqual([]);
    await expectBack(scene);
  });

  it('a roll-back comes to the same end, wherever its process dies', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready();
      await scene.runAll();
      await requestRollback(scene.books, scene.restoreId, 'olivia');
      const died = await diesOnce(scene, boundary);
      expect((await scene.state())[0]).toBe('rolled-back');
      await expectBack(scene);
      if (!died) break;
      expect(boundary).toBeLessThan(300);
    }
  });
});

describe('the end of what is kept', () => {
  it('is when a person asks for it: snapshots and their group go, and nothing can be rolled back any more', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const alone = { selfApproval: false };
    await expect(requestPurge(scene.books, scene.restoreId, 'olivia', alone)).rejects.toMatchObject({
      code: 'NOT_PURGEABLE',
    });
    for (let time = 0; time < 2; time += 1) await requestPurge(scene.books, scene.restoreId, 'arthur', alone);
    await expect(requestRollback(scene.books, scene.restoreId, 'olivia')).rejects.toMatchObject({
      code: 'NOT_ROLLBACKABLE',
    });
    expect(await scene.runAll()).toStrictEqual(['purge']);
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(scene.cloud.subscription.snapshots.size).toBe(0);
    expect(scene.groups()).toStrictEqual([]);
    expect(scene.vm()?.powerState).toBe('running');
    await requestPurge(scene.books, scene.restoreId, 'arthur', alone);
    expect(await scene.next()).toBe(null);
    expect(scene.books.audit.filter(({ action }) => action === 'restore.purge').length).toBe(1);
  });

  it('is asked for by one person alone once its date is past, or where that is configured', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const mine = (selfApproval: boolean) => requestPurge(scene.books, scene.restoreId, 'olivia', { selfApproval });
    const { endedAt } = await scene.restore();
    scene.now = new Date(endedAt!.getTime() + 7 * 24 * 3_600_000 - 1);
    await expect(mine(false)).rejects.toMatchObject({ code: 'NOT_PURGEABLE' });
    scene.now = new Date(scene.now.getTime() + 1);
    await mine(false);
    const other = await CutOverScene.ready();
    await other.runAll();
    await requestPurge(other.books, other.restoreId, 'olivia', { selfApproval: true });
    for (const each of [scene, other]) expect((await each.next())?.work).toBe('purge');
  });

  it('comes by itself once its date is past by the books’ clock and by Azure’s', async () => {
    const scene = await CutOverScene.ready();
    let azure = new Date(0);
    const ended = async () => (await scene.restore()).endedAt!.getTime();
    const due = (pastMs: number, azurePastMs = pastMs) => {
      scene.now = new Date(pastMs);
      azure = new Date(azurePastMs);
      return purgeWhatIsDue(scene.books, async () => azure);
    };
    await scene.run('remove-source');
    expect(await due(scene.now.getTime() + 30 * WEEK_MS)).toStrictEqual([]);
    await scene.runAll();
    const until = (await ended()) + WEEK_MS;
    expect([await due(until - 1), await due(until, until - 1), await due(until - 1, until)]).toStrictEqual([
      [],
      [],
      [],
    ]);
    expect(await due(until)).toStrictEqual([scene.restoreId]);
    expect(await due(until)).toStrictEqual([]);
    expect(await scene.runAll()).toStrictEqual(['purge']);
    expect([scene.cloud.subscription.snapshots.size, scene.groups()]).toStrictEqual([0, []]);
    expect(await due(until + WEEK_MS)).toStrictEqual([]);
    expect(scene.books.audit.filter(({ action }) => action === 'restore.purge')).toMatchObject([{ actor: 'landfall' }]);
  });

  it('does not come by itself from when a roll-back is asked for until seven days after its end', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const due = () => purgeWhatIsDue(scene.books, async () => scene.now);
    scene.now = new Date((await scene.restore()).endedAt!.getTime() + WEEK_MS - 1);
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    scene.now = new Date(scene.now.getTime() + 2 * WEEK_MS);
    expect(await due()).toStrictEqual([]);
    await scene.runAll();
    expect((await scene.state())[0]).toBe('rolled-back');
    scene.now = new Date((await scene.restore()).endedAt!.getTime() + WEEK_MS - 1);
    expect(await due()).toStrictEqual([]);
    scene.now = new Date(scene.now.getTime() + 1);
    expect(await due()).toStrictEqual([scene.restoreId]);
  });

  it('takes the disks with it that were in use until a roll-back, and not those that it has brought back', async () => {
    const scene = await CutOverScene.ready();
    await scene.runAll();
    const { disks } = await scene.restore();
    await requestRollback(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    await requestPurge(scene.books, scene.restoreId, 'arthur', { selfApproval: false });
    expect(await scene.runAll()).toStrictEqual(['purge']);
    for (const { azureId } of disks) expect(await scene.cloud.reader.disk(azureId!)).toBe(null);
    const vm = scene.vm();
    for (const id of [vm?.osDiskId, ...(vm?.dataDisks ?? []).map(({ diskId }) => diskId)]) {
      expect((await scene.cloud.reader.disk(id ?? ''))?.managedBy).toBe(vm?.azureId);
    }
  });

  it('is refused while the restore is under way, and where no machine was replaced', async () => {
    const scene = await CutOverScene.ready();
    const ask = () => requestPurge(scene.books, scene.restoreId, 'arthur', { selfApproval: false });
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_PURGEABLE' });
    await requestCancel(scene.books, scene.restoreId, 'olivia');
    await goOn(scene);
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_PURGEABLE' });
  });
});
