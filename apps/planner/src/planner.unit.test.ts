import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { RESTORE_PLAN } from '@landfall/contract';
import {
  isRefused,
  PermanentError,
  restorePointId,
  type Catalogue,
  type RestoreRequest,
  RetryableError,
  type DiscoveredPoint,
  type DiskSource,
  type RestorePlan,
  stepKey,
  wholeImage,
} from '@landfall/domain';
import type { StepContext } from '@landfall/pipeline';
import { OpenRepositories } from '@landfall/repository';
import {
  aRestoreRequest,
  MemoryBackupRepository,
  MemoryBooks,
  MemoryCatalogue,
  MemoryCloud,
  MemoryPointSurveys,
  MemorySecretBox,
  MemoryRetrievals,
  SparseImage,
  vmSize,
  writeMbr,
  type RequestChanges,
} from '@landfall/testing';
import { answerDryRun } from './jobs/dry-run.js';
import { planStep } from './jobs/plan-step.js';
import { answerScan } from './jobs/scan-repository.js';
import { aMachine } from './facts/a-machine.fixture.test.js';
import { Planner } from './planner.js';
import { PointSurveyor } from './surveys/point-surveyor.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const signal = new AbortController().signal;

/** A disk that boots with a BIOS, with so much data behind its first MiB. */
function bootDisk(dataBytes = 0): Buffer {
  const image = new SparseImage(8 * MIB);
  writeMbr(image, [{ type: 0x83, firstSector: 2048, sectors: 8192, active: true }], 'boot code');
  return image.write(MIB, Buffer.alloc(dataBytes, 1)).peek(0, 8 * MIB);
}

/** Counts which images were opened, and can refuse. */
class WatchedRepository extends MemoryBackupRepository {
  readonly opened: string[] = [];
  refusal: Error | null = null;

  override async openDisk(location: string): Promise<DiskSource> {
    this.opened.push(location);
    if (this.refusal !== null) throw this.refusal;
    return super.openDisk(location);
  }
}

/** Step 0 of the restore `r1`, which has begun. */
async function beginPlan(books: MemoryBooks, request: RestoreRequest): Promise<StepContext> {
  await books.transaction(async (tx) => {
    await tx.createRestore({ id: 'r1', request, requestedBy: 'tester' });
    await tx.moveWork('r1', stepKey('plan'), { from: 'pending', epoch: 0 }, 'pending', { epoch: 1 });
    await tx.moveWork('r1', stepKey('plan'), { from: 'pending', epoch: 1 }, 'running');
  });
  return {
    restore: (await books.restore('r1'))!,
    get plan(): RestorePlan {
      throw new Error('step 0 makes the plan');
    },
    epoch: 1,
    journal: books.journal('r1', 'plan', 1),
    signal,
    outputOf: () => {
      throw new Error('there is no earlier step');
    },
    event: async () => undefined,
  };
}

describe('the planner', () => {
  let catalogue: MemoryCatalogue;
  let cloud: MemoryCloud;
  let repository: WatchedRepository;
  let timesOpened: number;
  let repositories: OpenRepositories;
  let replacing: readonly string[];
  let surveys: MemoryPointSurveys;
  let surveyor: PointSurveyor;
  let planner: Planner;

  beforeEach(async () => {
    catalogue = new MemoryCatalogue();
    cloud = new MemoryCloud({ seed: { sizes: [vmSize('Standard_D2s_v5', 2, 4), vmSize('Standard_F2s_v2', 2, 4)] } });
    repository = new WatchedRepository();
    timesOpened = 0;
    repositories = new OpenRepositories(
      { catalogue, secrets: new MemorySecretBox(), blobStoreAt: (url) => assert.fail(`${url} is no blob`) },
      () => 0,
      async () => {
        timesOpened += 1;
        return repository;
      },
    );
    replacing = [];
    surveys = new MemoryPointSurveys(catalogue);
    surveyor = new PointSurveyor({ surveys, repositories, log: { info: () => undefined, warn: () => undefined } });
    planner = new Planner({
      books: { replacing: async () => replacing },
      catalogue,
      cloud: cloud.reader,
      policies: cloud.policies,
      repositories,
      surveys,
      settings: {
        subscriptionId: cloud.reader.subscriptionId,
        defaultRegion: null,
        defaultResourceGroup: 'apps',
        defaultSubnetId: null,
        workerSubnetId: null,
        archivePrices: null,
        applianceId: 'appliance-1',
      },
    });
    await catalogue.addRepository({
      name: 'backups',
      kind: 'restic',
      url: '/backups',
      hostedByProvider: false,
      sealedPassword: null,
    });
  });

  /** The catalogue, with its repository somewhere else. */
  const at = (url: string): Pick<Catalogue, 'repository'> => ({
    repository: async (name) => ({ ...(await catalogue.repository(name))!, url }),
  });

  async function keep(disks: Readonly<Record<string, Buffer>>, more: Partial<DiscoveredPoint> = {}): Promise<string> {
    repository.addPoint('snapshot-1', disks, more);
    await catalogue.replacePoints('backups', repository.points);
    return restorePointId('backups', 'snapshot-1');
  }

  async function planOf(id: string, changes: RequestChanges = {}): Promise<RestorePlan> {
    return (await planner.prepare(aRestoreRequest({ restorePointId: id, ...changes }), signal)).plan;
  }

  it('plans a point without a manifest from what its disks show', async () => {
    const id = await keep({ sda: bootDisk(3 * MIB), sdb: Buffer.alloc(2 * MIB) });
    const plan = await planOf(id);
    expect(plan.problems).toStrictEqual([]);
    expect(plan.generation).toBe(1);
    expect(plan.destination.size).toBe('Standard_D2s_v5');
    expect(
      plan.disks.map(({ name, role, lun, sourceBytes, usedBytes }) => ({ name, role, lun, sourceBytes, usedBytes })),
    ).toStrictEqual([
      { name: 'sda', role: 'os', lun: null, sourceBytes: 8 * MIB, usedBytes: 3 * MIB + 4096 },
      { name: 'sdb', role: 'data', lun: 0, sourceBytes: 2 * MIB, usedBytes: 0 },
    ]);
    expect(plan.workers).toStrictEqual([{ size: 'Standard_F2s_v2', disks: ['sda', 'sdb'] }]);
  });

  it('writes down what each disk is to hold, and where there is something to write, as the plan counts it', async () => {
    const id = await keep({ sda: bootDisk(3 * MIB), sdb: Buffer.alloc(2 * MIB) });
    const { plan, contents } = await planner.prepare(aRestoreRequest({ restorePointId: id }), signal);
    expect(contents.map(({ name, recipe, source }) => ({ name, recipe, source }))).toStrictEqual(
      plan.disks.map(({ name, sourceLocation: location, sourceBytes: sizeBytes }) => ({
        name,
        recipe: wholeImage(name, sizeBytes),
        source: { repository: 'backups', images: [{ name, location, sizeBytes }] },
      })),
    );
    const bytes = contents.map(({ used }) => used.reduce((sum, { dataBytes }) => sum + dataBytes, 0));
    expect(bytes).toStrictEqual(plan.disks.map(({ usedBytes }) => usedBytes));
    expect(bytes[0]! + bytes[1]!).toBe(plan.estimates.writeBytes);
    expect(contents[1]!.used).toStrictEqual([]);
  });

  it('takes the disk that boots for the OS disk, and a stale system on a data disk for none', async () => {
    const id = await keep({ data: Buffer.alloc(MIB), system: bootDisk() });
    expect((await planOf(id)).disks.find((disk) => disk.role === 'os')?.name).toBe('system');
  });

  it('refuses a bare file system until a generation is given', async () => {
    const id = await keep({ disk: Buffer.alloc(MIB) });
    const refused = await planOf(id);
    expect(refused.problems.map((problem) => problem.code)).toStrictEqual(['FIRMWARE_UNKNOWN']);
    const given = await planOf(id, { generation: 1 });
    expect(isRefused(given)).toBe(false);
    expect(given.problems[0]?.severity).toBe('warning');
  });

  it('does not open the disks that are left out, nor images without bytes', async () => {
    const id = await keep({ sda: bootDisk(), sdb: Buffer.alloc(MIB), none: Buffer.alloc(0) });
    const plan = await planOf(id, { excludeDisks: ['sdb'] });
    expect(repository.opened).toStrictEqual(['snapshot-1:sda']);
    expect(plan.problems.map((problem) => problem.code)).toStrictEqual(['DISK_EMPTY']);
  });

  it('shows what is damaged on a disk as a warning', async () => {
    const disk = bootDisk();
    disk.writeUInt32LE(0xffff_ffff, 446 + 12);
    const plan = await planOf(await keep({ sda: disk }), { generation: 1 });
    expect(
      plan.problems.some((problem) => problem.code === 'PARTITION_REFUSED' && problem.severity === 'warning'),
    ).toBe(true);
  });

  it('does not plan past a repository that can not give the bytes', async () => {
    const id = await keep({ sda: bootDisk() });
    repository.refusal = new PermanentError({ code: 'BLOB_CORRUPT', message: 'A blob is corrupt.', fix: 'Repair.' });
    await expect(planOf(id)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
    repository.refusal = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    await expect(planOf(id)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(timesOpened).toBe(1);
  });

  it('opens the repository anew, once, where its index may be out of date', async () => {
    const id = await keep({ sda: bootDisk() });
    repository.refusal = new PermanentError({ code: 'IMAGE_NOT_FOUND', message: 'No such image.', fix: 'Rescan.' });
    await expect(planOf(id)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(timesOpened).toBe(2);
  });

  describe('with a repository that was archived after it was scanned', () => {
    const archived = new PermanentError({ code: 'FILE_ARCHIVED', message: 'data/ab is archived.', fix: 'Wait.' });
    const disks = { sda: bootDisk(3 * MIB), sdb: Buffer.alloc(2 * MIB, 1), none: Buffer.alloc(0) };

    const files = [
      { path: 'data/ab/one', sizeBytes: 3 * GIB, archived: true },
      { path: 'data/cd/two', sizeBytes: 2 * GIB, archived: true },
    ];

    /** Everything that is planned by what is read, but for what tells that it is archived. */
    const planned = async (id: string, changes: RequestChanges = {}) => {
      const { plan, contents } = await planner.prepare(aRestoreRequest({ restorePointId: id, ...changes }), signal);
      const { planHash: _hash, problems, retrieval: _retrieval, estimates, steps, ...rest } = plan;
      const { retrievalFee: _fee, ...other } = { ...estimates, retrievalSeconds: 0 };
      const codes = problems.filter(({ code }) => code !== 'POINT_ARCHIVED');
      return {
        ...rest,
        contents,
        problems: codes,
        estimates: other,
        steps: steps.filter(({ number }) => number !== 1),
      };
    };

    it('brings back what is archived first, and says how much that is, how long it takes and what it costs', async () => {
      const id = await keep({ sda: bootDisk(3 * MIB) });
      await answerScan(catalogue, repositories, surveyor)({ name: 'backups' }, signal);
      repository.refusal = archived;
      repository.archived = files;
      const plan = await planOf(id);
      expect(isRefused(plan)).toBe(false);
      expect(plan.steps.find(({ id: step }) => step === 'retrieve-archived-data')).toMatchObject({ applies: true });
      expect(plan.retrieval).toStrictEqual({
        ...{ objects: 2, bytes: 5 * GIB, priority: 'standard', hours: 15, keepHours: 72 },
      });
      expect(plan.estimates).toMatchObject({ retrievalSeconds: 15 * 3_600, retrievalFee: null });
      expect(plan.problems).toMatchObject([{ severity: 'warning', code: 'POINT_ARCHIVED' }]);
      RESTORE_PLAN.parse(plan);
      const high = await planOf(id, { archivePriority: 'high', archiveKeepHours: 1 });
      expect(high.retrieval).toMatchObject({ priority: 'high', hours: 1, keepHours: 1 });
      expect(high.planHash).not.toBe(plan.planHash);
    });

    it('writes down what is to be brought back, and where to, with the plan', async () => {
      const id = await keep(disks);
      const books = new MemoryBooks();
      repository.archived = files;
      const request = aRestoreRequest({ restorePointId: id });
      const context = await beginPlan(books, request);
      await planStep({ planner, books, catalogue: at('azure://backups/restic/prefix') })(context);
      expect(await new MemoryRetrievals(books).retrieval('r1')).toStrictEqual({
        url: 'azure://backups/landfall-retrieved-r1',
        files: files.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
        keepHours: 72,
      });
    });

    it('refuses a point of which nothing was noted while it could be read', async () => {
      const id = await keep(disks);
      repository.refusal = archived;
      const { problems, retrieval } = await planOf(id);
      expect(problems.some(({ severity, code }) => severity === 'error' && code === 'POINT_ARCHIVED')).toBe(true);
      expect(retrieval).toBe(undefined);
    });

    it('plans what it would have planned before, without a byte of the disks', async () => {
      const id = await keep(disks);
      await answerScan(catalogue, repositories, surveyor)({ name: 'backups' }, signal);
      for (const changes of [{}, { excludeDisks: ['sdb'] }, { excludeDisks: ['sda'], generation: 1 as const }]) {
        repository.refusal = null;
        const before = await planned(id, changes);
        repository.refusal = archived;
        repository.archived = files;
        expect(await planned(id, changes)).toStrictEqual(before);
        repository.archived = [];
      }
    });

    it('still knows the point after another scan, which could not read it', async () => {
      const id = await keep(disks);
      const scan = answerScan(catalogue, repositories, surveyor);
      await scan({ name: 'backups' }, signal);
      const before = await catalogue.point(id);
      repository.points.length = 0;
      repository.skipped.push({ reference: 'snapshot-1', why: 'it is archived', archived: true });
      expect(await scan({ name: 'backups' }, signal)).toMatchObject({
        points: 1,
        skipped: [{ reference: 'snapshot-1', why: 'it is archived' }],
      });
      expect(await catalogue.point(id)).toStrictEqual(before);
      expect(await surveys.survey(id)).not.toBe(null);
    });

    it('surveys points that can’t be read now after the next scan only, and holds up no scan for them', async () => {
      const id = await keep(disks);
      repository.refusal = archived;
      const scan = answerScan(catalogue, repositories, surveyor);
      await scan({ name: 'backups' }, signal);
      expect(await surveys.waiting('backups')).toBe(0);
      repository.refusal = null;
      await surveyor.lookForPoints();
      expect(await surveys.survey(id)).toBe(null);
      await scan({ name: 'backups' }, signal);
      expect(await surveys.survey(id)).not.toBe(null);
    });

    it('surveys between times what no scan has come to, and what a planner left that died at it', async () => {
      const id = await keep(disks);
      await surveyor.lookForPoints();
      expect(await surveys.survey(id)).not.toBe(null);
    });

    it('looks again later where the repository was out of reach', async () => {
      const id = await keep(disks);
      repository.refusal = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
      await surveyor.lookForPoints();
      expect(await surveys.survey(id)).toBe(null);
      expect(await surveys.waiting('backups')).toBe(1);
    });
  });

  it('names a point that does not exist', async () => {
    await expect(planOf('rp-nosuch')).rejects.toMatchObject({
      code: 'POINT_NOT_FOUND',
      message: expect.stringMatching(/"rp-nosuch"/),
    });
  });

  it('asks Azure nothing with names that it would refuse', async () => {
    const id = await keep({ sda: bootDisk() });
    const { problems } = await planOf(id, { destination: { resourceGroup: 'a/../b', name: 'x/y', region: 'mars' } });
    const codes = problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    expect(codes.sort()).toStrictEqual(['NAME_INVALID', 'NAME_INVALID', 'NETWORK_NOT_FOUND', 'REGION_NOT_FOUND']);
  });

  it('finds a VM that has the name already', async () => {
    const id = await keep({ sda: bootDisk() });
    const azureId = cloud.reader.vmId('apps', 'machine');
    cloud.subscription.vms.set(azureId.toLowerCase(), {
      azureId,
      instanceId: 'vm-1',
      name: 'machine',
      resourceGroup: 'apps',
      region: 'westeurope',
      size: 'Standard_D2s_v5',
      osDiskId: null,
      dataDisks: [],
      nicIds: [],
      tags: {},
      provisioningState: 'Succeeded',
      powerState: null,
    });
    const { problems } = await planOf(id);
    expect(problems.map((problem) => problem.code)).toStrictEqual(['NAME_TAKEN']);
  });

  it('asks what Azure policies say to all that it would make, and refuses what one denies', async () => {
    const id = await keep({ sda: bootDisk() });
    const scope = `/subscriptions/${cloud.reader.subscriptionId}`;
    cloud.subscription.policies = [{ name: 'no-cards', scope, kind: 'nic', effect: 'deny' }];
    const plan = await planOf(id);
    expect(plan.problems).toMatchObject([
      {
        severity: 'error',
        code: 'POLICY_DENIED',
        message: expect.stringMatching(/denies the network interface "machine-nic": .*no-cards/),
      },
    ]);
    // A plan for a restore has the hash of the dry run that it was read in.
    const request = aRestoreRequest({ restorePointId: id });
    expect((await planner.prepare(request, signal, 'r1')).plan.planHash).toBe(plan.planHash);
    cloud.subscription.policies = [{ name: 'no-cards', scope, kind: 'nic', effect: 'audit' }];
    expect((await planOf(id)).problems).toStrictEqual([]);
  });

  it('plans without knowing of policies where it may not ask about them, and says so', async () => {
    const id = await keep({ sda: bootDisk() });
    cloud.subscription.policiesUntold = { code: 'PERMISSION', message: 'Azure did not tell.', fix: 'Assign the role.' };
    const { problems } = await planOf(id);
    expect(problems.map(({ severity, code }) => [severity, code])).toStrictEqual([['warning', 'PERMISSION']]);
  });

  it('plans to replace the machine that a point was made of, in words that the API knows', async () => {
    const vm = await aMachine(cloud);
    const saved = (await cloud.reader.savedVm(vm.azureId))!;
    const id = await keep(
      { os: bootDisk(), data: Buffer.alloc(MIB) },
      { azure: { id: vm.azureId, vmId: vm.instanceId, vm: saved.vm.body, disks: saved.disks.map(({ body }) => body) } },
    );
    const plan = await planOf(id, { destination: { kind: 'original' }, waitDays: 2 });
    expect(plan.source).toMatchObject({ azureId: vm.azureId, instanceId: vm.instanceId, powerState: 'running' });
    expect(plan.destination).toMatchObject({ vmName: 'web', resourceGroup: 'apps', size: 'Standard_F2s_v2' });
    expect(plan.source?.disks.map(({ replacedBy }) => replacedBy)).toStrictEqual(['os', null]);
    const sent: unknown = JSON.parse(JSON.stringify(plan));
    expect(RESTORE_PLAN.parse(sent)).toStrictEqual(sent);
    const errors = plan.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    expect(errors).toStrictEqual([]);
    replacing = ['r1', 'r2'];
    const request = aRestoreRequest({ restorePointId: id, destination: { kind: 'original' } });
    const { plan: again } = await planner.prepare(request, undefined, 'r1');
    const found = again.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
    expect(found).toStrictEqual([expect.stringMatching(/^Restore r2 replaces "web" already/)]);
  });

  it('answers a dry run with the plan, and a request of another version with what it lacks', async () => {
    const id = await keep({ sda: bootDisk() });
    const request = aRestoreRequest({ restorePointId: id });
    const answer = answerDryRun(planner);
    const plan = (await answer(JSON.parse(JSON.stringify({ request })), signal)) as RestorePlan;
    expect(plan.planHash).toBe((await planOf(id)).planHash);
    const sent: unknown = JSON.parse(JSON.stringify(plan));
    expect(RESTORE_PLAN.parse(sent)).toStrictEqual(sent);
    await expect(answer({ request: { ...request, verify: 'perhaps' } }, signal)).rejects.toMatchObject({
      code: 'REQUEST_MALFORMED',
      message: expect.stringMatching(/verify/),
    });
    // What it does not know may have been the user's very wish.
    await expect(answer({ request: { ...request, encrypt: true } }, signal)).rejects.toMatchObject({
      code: 'REQUEST_MALFORMED',
      message: expect.stringMatching(/encrypt/),
    });
  });

  it('scans a repository that it opens anew, and the catalogue says what was found', async () => {
    await keep({ sda: bootDisk() });
    repository.addPoint('snapshot-2', { sda: bootDisk() });
    repository.skipped.push({ reference: 'snapshot-3', why: 'it is damaged' });
    const answer = await answerScan(catalogue, repositories, surveyor)({ name: 'backups' }, signal);
    expect(answer).toStrictEqual({
      format: 'memory',
      machines: 1,
      points: 2,
      skipped: [{ reference: 'snapshot-3', why: 'it is damaged' }],
    });
    expect((await catalogue.points()).length).toBe(2);
    await answerScan(catalogue, repositories, surveyor)({ name: 'backups' }, signal);
    expect(timesOpened).toBe(2);
  });

  it('believes the later of two scans that overlap, whichever ends first', async () => {
    await keep({ sda: bootDisk() });
    const [listed, letOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const discover = repository.discover.bind(repository);
    repository.discover = async () => {
      const found = structuredClone(await discover());
      listed.resolve();
      await letOn.promise;
      return found;
    };
    const scan = answerScan(catalogue, repositories, surveyor);
    const slow = scan({ name: 'backups' }, signal);
    await listed.promise;
    repository.discover = discover;
    repository.addPoint('snapshot-2', { sda: bootDisk() });
    await scan({ name: 'backups' }, signal);
    letOn.resolve();
    await slow;
    expect((await catalogue.points()).length).toBe(2);
  });

  it('stores the plan of step 0, and stores it again when the step is repeated', async () => {
    const id = await keep({ sda: bootDisk() });
    const books = new MemoryBooks();
    const request = aRestoreRequest({ restorePointId: id });
    const context = await beginPlan(books, request);
    const run = () => planStep({ planner, books, catalogue })(context);
    const first = await run();
    const stored = (await books.restore('r1'))?.plan;
    expect(first).toStrictEqual({ kind: 'done', output: { planHash: stored?.planHash } });
    expect(await run()).toStrictEqual(first);
    expect((await books.restore('r1'))?.disks.map((disk) => disk.name)).toStrictEqual(['sda']);
    const { contents } = await planner.prepare(request, signal);
    expect(await books.transaction((tx) => tx.contents('r1'))).toStrictEqual(contents);
    const guard = { from: 'running', epoch: 1 } as const;
    await books.transaction((tx) => tx.moveWork('r1', stepKey('plan'), guard, 'pending', { epoch: 2 }));
    await assert.rejects(run(), { code: 'STEP_SUPERSEDED' }, 'another run has its place');
  });
});
