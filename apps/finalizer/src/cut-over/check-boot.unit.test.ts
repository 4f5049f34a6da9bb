import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { BOOT_SECONDS, networkOf, PermanentError, RetryableError, sameId, type CloudVm } from '@landfall/domain';
import { beginWork, redispatch, requestCancel, requestResume, STEP_ATTEMPTS } from '@landfall/pipeline';
import { CutOverScene, dies, goOn } from './scene.fixture.test.js';

const FORWARD = ['remove-source', 'move-disks', 'create-vm', 'attach-disks', 'remove-staging-resource-group'];
const AWAY = new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
const REFUSED = new PermanentError({ code: 'AZURE_DENIED', message: 'Not allowed.', fix: 'Allow it.' });
const RUNNING = { bootCheck: { bootCheck: 'running' } } as const;
const SERIAL = { bootCheck: { bootCheck: 'serial' } } as const;

/** What was made to boot. */
function copies({ cloud: { subscription }, restoreId }: CutOverScene): string[] {
  return subscription.inventory.filter((id) => id.includes(`landfall-boot-${restoreId}`));
}

/** The source is as it was found, and the disks that were written are as they were verified. */
async function expectUntouched(scene: CutOverScene): Promise<void> {
  expect(scene.vm()).toStrictEqual(scene.source);
  expect(await scene.standing()).toStrictEqual(['os', 'data', 'kept']);
  expect(await scene.openChanges()).toStrictEqual([]);
  const { disks } = await scene.restore();
  for (const { azureId } of disks) {
    const disk = await scene.cloud.reader.disk(azureId ?? '');
    expect([disk?.diskState, disk?.ownershipUpdatedAt]).toStrictEqual(['Unattached', null]);
  }
}

/** Each VM that was made as a copy, as it was when it was asked for. */
function watchCopies(scene: CutOverScene): { vm: CloudVm; sourceState: string | null; isClosed: boolean }[] {
  const { machines, subscription } = scene.cloud;
  const ensureCopy = machines.ensureCopy.bind(machines);
  const seen: { vm: CloudVm; sourceState: string | null; isClosed: boolean }[] = [];
  machines.ensureCopy = async (spec, journal) => {
    const vm = await ensureCopy(spec, journal);
    const subnet = subscription.subnetsOfNics.get(spec.nicId.toLowerCase()) ?? '';
    const isClosed = [...subscription.networks.keys()].some((id) => sameId(id, networkOf(subnet)));
    seen.push({ vm: { ...vm }, sourceState: scene.vm()?.powerState ?? null, isClosed });
    return vm;
  };
  return seen;
}

/** Nothing else is looked at for as long as the machine may take. */
async function waitInVain(scene: CutOverScene): Promise<void> {
  await scene.run('check-boot');
  expect((await scene.next())?.work).toBe('check-boot');
  scene.now = new Date(scene.now.getTime() + BOOT_SECONDS * 1_000);
  await scene.run('check-boot');
}

describe('the boot check before a machine is replaced', () => {
  it('boots copies of the restored disks in a network that leads nowhere while the machine runs, and removes them', async () => {
    const scene = await CutOverScene.ready('running', { ...RUNNING, isApproved: false });
    const seen = watchCopies(scene);
    const { disks } = await scene.restore();
    expect(await scene.runAll()).toStrictEqual(['check-boot']);
    expect(seen.map(({ sourceState, isClosed }) => [sourceState, isClosed])).toStrictEqual([['running', true]]);
    const [{ vm } = { vm: null }] = seen;
    const originOf = (id: string | null = '') => scene.cloud.subscription.origins.get((id ?? '').toLowerCase());
    const idOf = (name: string) => disks.find((disk) => disk.name === name)?.azureId;
    expect(originOf(vm?.osDiskId)).toBe(idOf('os'));
    expect(vm?.dataDisks.map(({ diskId, lun }) => [originOf(diskId), lun])).toStrictEqual([[idOf('data'), 0]]);
    expect(copies(scene)).toStrictEqual([]);
    await expectUntouched(scene);
  });

  it('comes before anybody has to approve that the machine is removed, and is not made again for that', async () => {
    const scene = await CutOverScene.ready('running', { ...RUNNING, isApproved: false });
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['awaiting-approval', undefined]);
    expect(await scene.events()).toContain('boot.checked');
    await scene.approve();
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
    expect(scene.cloud.subscription.changes.filter((change) => change.startsWith('machines.ensureCopy')).length).toBe(
      1,
    );
  });

  it('is left out where nobody wants it', async () => {
    const scene = await CutOverScene.ready();
    expect(await scene.runAll()).toStrictEqual(FORWARD);
    expect(scene.cloud.subscription.changes.some((change) => change.includes('landfall-boot'))).toBe(false);
  });

  it('keeps what is written where the copies do not run, and a resumption boots new ones without writing again', async () => {
    const scene = await CutOverScene.ready('running', RUNNING);
    scene.cloud.subscription.copiesAre = 'stopped';
    await waitInVain(scene);
    expect(await scene.state()).toStrictEqual(['needs-attention', 'BOOT_CHECK_FAILED']);
    expect((await scene.restore()).error?.message).toContain('is stopped');
    expect(copies(scene)).toStrictEqual([]);
    await expectUntouched(scene);
    scene.cloud.subscription.copiesAre = 'running';
    await requestResume(scene.books, scene.restoreId, 'olivia');
    expect(await scene.runAll()).toStrictEqual(['check-boot', ...FORWARD]);
    expect(await scene.state()).toStrictEqual(['completed', undefined]);
  });

  it('waits for the serial console to show a prompt, and shows what it says where it never does', async () => {
    const scene = await CutOverScene.ready('running', SERIAL);
    const { subscription } = scene.cloud;
    await scene.run('check-boot');
    expect((await scene.next())?.work).toBe('check-boot');
    const vmId = [...subscription.vms.keys()].find((id) => id.includes('landfall-boot')) ?? '';
    subscription.serialLogs.set(vmId, 'Loading Linux ...\r\n\u001b[1mKernel panic\u001b[0m - not syncing: no root\r\n');
    scene.now = new Date(scene.now.getTime() + BOOT_SECONDS * 1_000);
    await scene.run('check-boot');
    expect(await scene.state()).toStrictEqual(['needs-attention', 'BOOT_CHECK_FAILED']);
    const { error } = await scene.restore();
    expect(error?.message).toContain('Loading Linux ...\nKernel panic - not syncing: no root');
    await requestResume(scene.books, scene.restoreId, 'olivia');
    await scene.run('check-boot');
    subscription.serialLogs.set(vmId, 'Debian GNU/Linux 12 web ttyS0\n\nweb login: ');
    expect(await scene.runAll()).toStrictEqual(['check-boot', ...FORWARD]);
  });

  it('is refused before anything is made where there is no room or no right', async () => {
    const scene = await CutOverScene.ready('running', RUNNING);
    const { subscription } = scene.cloud;
    const { usages } = subscription.seed;
    Object.assign(subscription.seed, { usages: [{ name: 'cores', current: 100, limit: 100 }] });
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'QUOTA']);
    Object.assign(subscription.seed, { usages });
    subscription.actionsMissing = ['Microsoft.Network/virtualNetworks/write'];
    await requestResume(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['needs-attention', 'PERMISSION']);
    expect(subscription.changes.some((change) => change.includes('landfall-boot'))).toBe(false);
    await expectUntouched(scene);
    subscription.actionsMissing = [];
    await requestResume(scene.books, scene.restoreId, 'olivia');
    expect(await scene.runAll()).toStrictEqual(['check-boot', ...FORWARD]);
  });

  for (const call of [
    ...(['network.ensureIsolated', 'network.ensureNic', 'disks.ensureCopy', 'machines.ensureCopy'] as const),
  ]) {
    it(`leaves nothing behind of copies that are refused for good at ${call}`, async () => {
      const scene = await CutOverScene.ready('running', RUNNING);
      scene.cloud.subscription.failNext(call, REFUSED);
      expect(await scene.runAll()).toStrictEqual(['check-boot']);
      expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
      expect(copies(scene)).toStrictEqual([]);
      await expectUntouched(scene);
    });
  }

  it('keeps what is written where a copy can’t be removed for good, and a cancel takes that away, too', async () => {
    const scene = await CutOverScene.ready('running', RUNNING);
    scene.cloud.subscription.failNext('machines.remove', REFUSED);
    expect(await scene.runAll()).toStrictEqual(['check-boot']);
    expect(await scene.state()).toStrictEqual(['needs-attention', 'AZURE_DENIED']);
    await expectUntouched(scene);
    await requestCancel(scene.books, scene.restoreId, 'olivia');
    await scene.runAll();
    expect(await scene.state()).toStrictEqual(['cancelled', undefined]);
    expect(scene.groups()).toStrictEqual([]);
    expect(copies(scene)).toStrictEqual([]);
  });

  it('one whose process dies every time, or whose copies can’t be removed for a while, is tried until they are gone', async () => {
    const scene = await CutOverScene.ready('running', SERIAL);
    await scene.run('check-boot');
    expect(copies(scene).length).toBeGreaterThan(4);
    for (let time = 0; time < STEP_ATTEMPTS; time += 1) {
      const run = await scene.next();
      assert.ok(run && (await beginWork(scene.books, run)));
      await redispatch(scene.books, run);
    }
    for (let time = 0; time < 3; time += 1) scene.cloud.subscription.failNext('machines.remove', AWAY);
    expect((await scene.runAll()).length).toBe(4);
    expect((await scene.state())[0]).toBe('needs-attention');
    expect(copies(scene)).toStrictEqual([]);
    await expectUntouched(scene);
  });

  it('leaves a machine alone that bears the name of the copy, and is not ours', async () => {
    const scene = await CutOverScene.ready('running', RUNNING);
    const { subscription, reader } = scene.cloud;
    const azureId = reader.vmId(`landfall-staging-${scene.restoreId}`, `landfall-boot-${scene.restoreId}`);
    const theirs = { ...scene.source, azureId, instanceId: 'theirs', tags: { owner: 'somebody' }, nicIds: [] };
    subscription.vms.set(azureId.toLowerCase(), theirs);
    await scene.runAll();
    expect((await scene.state())[0]).toBe('needs-attention');
    expect(subscription.vms.get(azureId.toLowerCase())).toStrictEqual(theirs);
  });

  it('comes to the same end, wherever its process dies', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready('running', { ...RUNNING, isApproved: false });
      const died = await dies(scene, boundary);
      await goOn(scene);
      expect(await scene.state()).toStrictEqual(['awaiting-approval', undefined]);
      expect(copies(scene)).toStrictEqual([]);
      await expectUntouched(scene);
      if (!died) {
        expect(boundary).toBeGreaterThan(30);
        break;
      }
    }
  });

  it('leaves nothing behind where it is cancelled, wherever its process died before', async () => {
    for (let boundary = 0; ; boundary += 1) {
      const scene = await CutOverScene.ready('running', { ...RUNNING, isApproved: false });
      const died = await dies(scene, boundary);
      await requestCancel(scene.books, scene.restoreId, 'olivia');
      await goOn(scene);
      expect(await scene.state()).toStrictEqual(['cancelled', undefined]);
      expect(scene.groups()).toStrictEqual([]);
      expect(copies(scene)).toStrictEqual([]);
      expect(scene.vm()).toStrictEqual(scene.source);
      if (!died) break;
    }
  });
});
