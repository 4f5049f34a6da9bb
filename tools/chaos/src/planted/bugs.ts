import type { MixName } from '../simulation/mixes.js';
import type { Change } from './scratch.js';

/*
 * Bugs that were planted: each one changes the program for the worse, at one place, and one of the suites has to notice.
 * When the original text is gone, the bug has to be planted anew: a bug that can't be planted proves nothing.
 */
export type Suite =
  /** A built test file; where it needs servers, they are started for it. */
  | { readonly kind: 'tests'; readonly file: string }
  /** Seeds are simulated from the first on, until one is bad. */
  | { readonly kind: 'simulation'; readonly seeds: number; readonly mix: MixName };

export interface PlantedBug extends Change {
  readonly name: string;
  /** What else has to go for the bug to be what it was: other guards would make up for the one that is missing. */
  readonly also?: readonly Change[];
  readonly suite: Suite;
}

const tests = (file: string): Suite => ({ kind: 'tests', file });
const simulation = (seeds = 150, mix: MixName = 'all'): Suite => ({ kind: 'simulation', seeds, mix });

const STATE_MACHINE = tests('libs/pipeline/dist/machine/state-machine.unit.test.js');
const ADVANCE = tests('libs/pipeline/dist/machine/advance.unit.test.js');
const DIRECTIONS = tests('libs/pipeline/dist/machine/directions.unit.test.js');
const GATE = tests('libs/pipeline/dist/machine/gate.unit.test.js');
const CLAIM = tests('libs/transfer/dist/claim.unit.test.js');
const WRITERS = tests('libs/transfer/dist/writers.unit.test.js');
const SWEEP = tests('apps/finalizer/dist/sweep/sweep.unit.test.js');
const TRANSFER = tests('apps/finalizer/dist/transfer/transfer.unit.test.js');
const VERDICTS = tests('apps/finalizer/dist/transfer/verdicts.unit.test.js');
const DIRECT_DISKS = tests('apps/finalizer/dist/transfer/direct-disks.unit.test.js');
const SEGMENT_JOBS = tests('apps/data-mover/dist/queue/segment-jobs.unit.test.js');
const CAPTURE = tests('apps/provisioner/dist/capture/capture.unit.test.js');
const PROVISIONER_STEPS = tests('apps/provisioner/dist/steps/steps.unit.test.js');
const FINALIZER_STEPS = tests('apps/finalizer/dist/steps/steps.unit.test.js');
/** The adapter under the contract of the cloud. */
const CLOUD = tests('tools/chaos/dist/simulation/azure/memory-azure.unit.test.js');
const CHECK_BOOT = tests('apps/finalizer/dist/cut-over/check-boot.unit.test.js');
const CUT_OVER = tests('apps/finalizer/dist/cut-over/cut-over.unit.test.js');
const POLICIES = tests('libs/azure/dist/azure-policies.unit.test.js');
const PERFORM = tests('libs/azure/dist/perform.unit.test.js');
const MOVE = tests('apps/data-mover/dist/transfer/move.unit.test.js');
const BOOKS = tests('libs/persistence/dist/contracts.int.test.js');
const POSTGRES = tests('libs/persistence/dist/postgres.int.test.js');

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a work is begun before a job was sent for it',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: ' || !wasDispatched(work)',
    replacement: '',
    suite: ADVANCE,
  },
  {
    name: 'a work is taken up under any epoch',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: 'restore?.works.find(({ id, epoch }) => id === run.work && epoch === run.epoch);',
    replacement: 'restore?.works.find(({ id }) => id === run.work);',
    suite: ADVANCE,
  },
  {
    name: 'a restore arrives before its last work is done',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: '  if (await dispatchNext(tx, restore, work.direction, work.id, works)) return;\n',
    replacement: '  await dispatchNext(tx, restore, work.direction, work.id, works);\n',
    suite: DIRECTIONS,
  },
  {
    name: 'a dispatched work keeps its epoch',
    file: 'libs/pipeline/src/machine/dispatch.ts',
    original: 'const epoch = work.epoch + 1;',
    replacement: 'const epoch = work.epoch;',
    suite: STATE_MACHINE,
  },
  {
    name: 'the way back begins beside a running step',
    file: 'libs/pipeline/src/machine/turning.ts',
    original: 'if (running.some((work) => !work.parked)) return;',
    replacement: '',
    suite: STATE_MACHINE,
  },
  {
    name: 'a step that ends after the restore has turned round does not let the way back begin',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: 'else await startWayBack(tx, restore.id, works);',
    replacement: '',
    suite: ADVANCE,
  },
  {
    name: 'a run that is given back does not let the way back begin',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: 'stopped, because the restore is ${restore.state}`);\n  await startWayBack(tx, restore.id, works);',
    replacement: 'stopped, because the restore is ${restore.state}`);',
    suite: STATE_MACHINE,
  },
  {
    name: 'a job is struck off the outbox before it is added to its queue',
    file: 'libs/pipeline/src/outbox-relay.ts',
    original:
      'await Promise.all(messages.map((message) => queues.enqueue(message)));\n    await books.outboxSent(messages.map((message) => message.id));',
    replacement:
      'await books.outboxSent(messages.map((message) => message.id));\n    await Promise.all(messages.map((message) => queues.enqueue(message)));',
    suite: tests('libs/pipeline/dist/outbox-relay.unit.test.js'),
  },
  {
    name: 'the reconciler trusts every job to be live',
    file: 'libs/pipeline/src/reconciler.ts',
    original: 'if (await queues.isLive(queue, jobId)) return;',
    replacement: 'if (jobId) return;',
    suite: simulation(),
  },
  {
    name: 'a job that is put off is waited for as long as wall clocks say',
    file: 'libs/pipeline/src/put-off-jobs.ts',
    original: 'return now - known.since > delayMs + MARGIN_MS;',
    replacement: 'return false;',
    suite: tests('libs/pipeline/dist/put-off-jobs.unit.test.js'),
  },
  {
    name: 'the reconciler knows nothing of segments',
    file: 'libs/transfer/src/reconcile.ts',
    original: '    if (await hasLiveJob(ports, restore, segment)) continue;',
    replacement: '    if (segment) continue;',
    suite: simulation(),
  },
  {
    name: 'a segment is handed out again under its old epoch',
    file: 'libs/transfer/src/hand-out.ts',
    original: 'const epoch = segment.epoch + 1;',
    replacement: 'const epoch = Math.max(1, segment.epoch);',
    suite: simulation(),
  },
  {
    name: 'a result counts under any epoch',
    file: 'libs/transfer/src/results.ts',
    original:
      '  if (!isPresent(reported)) return letGo(reported);\n  const guard = { from: segment.state, epoch: grant.epoch } as const;\n',
    replacement: '  const guard = { from: segment.state, epoch: segment.epoch } as const;\n',
    suite: TRANSFER,
  },
  {
    name: 'a segment is claimed under any epoch',
    file: 'libs/transfer/src/claim.ts',
    original: "if (segment.state === 'failed' || segment.epoch !== claim.epoch) return { kind: 'stale' };",
    replacement: "if (segment.state === 'failed') return { kind: 'stale' };",
    suite: CLAIM,
  },
  {
    name: 'what is done is given out again',
    file: 'libs/transfer/src/claim.ts',
    original: "if (segment.state === 'done') return { kind: 'done' };",
    replacement: '',
    suite: TRANSFER,
  },
  {
    name: 'the verification is read while there is still something to write',
    file: 'libs/transfer/src/coordinator.ts',
    original: '  if (await isUnfinished(tx, restore, from)) return;\n',
    replacement: '  await isUnfinished(tx, restore, from);\n',
    suite: TRANSFER,
  },
  {
    name: 'the step ends before its verification does',
    file: 'libs/transfer/src/coordinator.ts',
    original: 'if (await isUnfinished(tx, restore, phase.purpose)) return;',
    replacement: 'await isUnfinished(tx, restore, phase.purpose);',
    suite: simulation(60),
  },
  {
    name: 'nothing is verified',
    file: 'libs/transfer/src/coordinator.ts',
    original: 'if (!isVerified(mode, moved.length)) return [];',
    replacement: 'if (moved.length >= 0) return [];',
    suite: simulation(60),
  },
  {
    name: 'a disk that was written directly keeps its access',
    file: 'apps/finalizer/src/transfer/direct-phases.ts',
    original: '  if (!(await orFail(books, restore, (journal) => direct.close(restore, journal, signal)))) return;\n',
    replacement: '  void [direct, signal];\n',
    suite: TRANSFER,
  },
  {
    name: 'a failed flush is tried again and believed',
    file: 'apps/data-mover/src/transfer/move.ts',
    original: 'await target.flush();',
    replacement: 'await target.flush().catch(() => target.flush().catch(() => undefined));',
    suite: MOVE,
  },
  {
    name: 'nothing is flushed before it is reported',
    file: 'apps/data-mover/src/transfer/move.ts',
    original: 'await target.flush();',
    replacement: '',
    suite: simulation(100),
  },
  {
    name: 'a data-mover writes on after its lease',
    file: 'apps/data-mover/src/transfer/move.ts',
    original: 'new AlignedWriter(target, mayWrite)',
    replacement: 'new AlignedWriter(target)',
    suite: MOVE,
  },
  {
    name: 'a verification overlooks what differs',
    file: 'apps/data-mover/src/transfer/verify.ts',
    original: 'if (comparison.firstDifference !== null) throw mismatch(',
    replacement: 'if (comparison.firstDifference === -1) throw mismatch(',
    suite: tests('apps/data-mover/dist/transfer/verify.unit.test.js'),
  },
  {
    name: 'Azure is called without a look at what is there',
    file: 'libs/azure/src/perform.ts',
    original: "  if (before.state === 'done') return",
    replacement: "  if (before.state === 'done' && change.doing === '') return",
    suite: PERFORM,
  },
  {
    name: 'the state of an operation under way is not written down',
    file: 'libs/azure/src/perform.ts',
    original: '    await performer.journal.submitted(change.intent.key, pollerState);\n',
    replacement: '',
    suite: PERFORM,
  },
  {
    name: 'what a lost call has done is not looked at',
    file: 'libs/azure/src/perform.ts',
    original: "    if (after.state === 'done') return after.value;\n",
    replacement: '',
    suite: PERFORM,
  },
  {
    name: 'a disk is made without an entry in the ledger',
    file: 'libs/azure/src/disks.ts',
    original: "      effect: { creates: { kind: 'disk', role: spec.role, purpose: spec.purpose } },\n",
    replacement: "      effect: { changes: 'ours' },\n",
    suite: simulation(60),
  },
  {
    name: 'a network interface is made without an entry in the ledger',
    file: 'libs/azure/src/network-interfaces.ts',
    original: "      effect: { creates: { kind: 'nic', role: spec.role, purpose: spec.purpose } },\n",
    replacement: "      effect: { changes: 'ours' },\n",
    suite: simulation(60),
  },
  {
    name: 'what does not carry our tags is deleted by its name',
    file: 'libs/azure/src/deletion.ts',
    original: '      requireOwn(found, owned.tags);\n',
    replacement: '',
    suite: simulation(250),
  },
  {
    name: 'a restore is read to decide on it without a lock',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: 'SELECT 1 FROM "restore" WHERE "id" = ${id} FOR UPDATE`;\n    return locked',
    replacement: 'SELECT 1 FROM "restore" WHERE "id" = ${id}`;\n    return locked',
    suite: BOOKS,
  },
  {
    name: 'a work is moved under any epoch',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: 'where: { restoreId, direction, round, id, state: guard.from, epoch: guard.epoch }',
    replacement: 'where: { restoreId, direction, round, id, state: guard.from }',
    suite: BOOKS,
  },
  {
    name: 'a work is moved from any state',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: 'where: { restoreId, direction, round, id, state: guard.from, epoch: guard.epoch }',
    replacement: 'where: { restoreId, direction, round, id, epoch: guard.epoch }',
    suite: BOOKS,
  },
  {
    name: 'a segment is moved under any epoch',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: 'where: { id, state: guard.from, epoch: guard.epoch },\n      data: {\n        ...columns',
    replacement: 'where: { id, state: guard.from },\n      data: {\n        ...columns',
    suite: BOOKS,
  },
  {
    name: 'works of an earlier round move once the restore has turned round again',
    file: 'libs/persistence/src/current-run.ts',
    original: '"w"."round" = CASE "w"."direction" WHEN \'forward\' THEN 0 ELSE "r"."round" END',
    replacement: '"w"."round" >= 0',
    suite: BOOKS,
  },
  {
    name: 'a restore changes in a way that the state machine does not have',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: '    requireTransition(guard.from, to);\n',
    replacement: '',
    suite: BOOKS,
  },
  {
    name: 'a relay waits for another one',
    file: 'libs/persistence/src/restore-books.ts',
    original: ' FOR UPDATE SKIP LOCKED',
    replacement: ' FOR UPDATE',
    suite: POSTGRES,
  },
  {
    name: 'a SAS counts as good for ever',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: 'present !== null && present.expiresAt.getTime() - Date.now() > RENEW_BEFORE_MS',
    replacement: 'present !== null && RENEW_BEFORE_MS > 0',
    suite: DIRECT_DISKS,
  },
  {
    name: 'a deletion is sent while one is under way',
    file: 'libs/azure/src/deletion.ts',
    original: "      if (found.provisioningState === 'Deleting') return { state: 'busy' };\n",
    replacement: '',
    suite: tests('libs/azure/dist/deletion.unit.test.js'),
  },
  {
    name: 'a resource group is deleted with what lies in it',
    file: 'libs/azure/src/azure-groups.ts',
    original: 'requireFree: () => requireEmpty(this.connection, name)',
    replacement: 'requireFree: async () => void requireEmpty',
    suite: CLOUD,
  },
  {
    name: 'another VM of the same name is taken for the one that is replaced',
    file: 'libs/azure/src/source-removal.ts',
    original: 'if (model.vmId?.toLowerCase() !== instanceId.toLowerCase()) {',
    replacement: 'if (model.vmId === undefined) {',
    suite: CLOUD,
  },
  {
    name: 'the VM that is replaced takes its disks along',
    file: 'libs/azure/src/source-removal.ts',
    original: 'if (goesAlong.length > 0) throw',
    replacement: 'if (goesAlong.length < 0) throw',
    suite: CLOUD,
  },
  {
    name: 'the VM that is replaced is deleted while it runs',
    file: 'libs/azure/src/source-removal.ts',
    original: "if (vm.powerState !== 'deallocated') throw",
    replacement: "if (vm.powerState === 'unheard of') throw",
    suite: CLOUD,
  },
  {
    name: 'another disk of the same name is taken for the one that is replaced',
    file: 'libs/azure/src/source-disk-removal.ts',
    original: "if (disk.uniqueId === '' || !sameId(disk.uniqueId, uniqueId)) {",
    replacement: "if (disk.uniqueId === '') {",
    suite: CLOUD,
  },
  {
    name: 'a disk that is replaced is deleted whoever uses it',
    file: 'libs/azure/src/source-disk-removal.ts',
    original: "      if (disk.managedBy !== null || disk.diskState !== 'Unattached') throw inUse(disk);\n",
    replacement: "      if (disk.diskState === 'unheard of') throw inUse(disk);\n",
    suite: CLOUD,
  },
  {
    name: 'the claim of another is taken over',
    file: 'libs/azure/src/azure-sources.ts',
    original: '    if (before !== null && before !== value) throw claimed(azureId, name, before);\n',
    replacement: '    if (before === value && before === null) throw claimed(azureId, name, before);\n',
    suite: CLOUD,
  },
  {
    name: 'what was changed of a source is put back over what others have made of it since',
    file: 'libs/azure/src/settings.ts',
    original: 'now[name] === was.made[name] && ',
    replacement: '',
    suite: CLOUD,
  },
  {
    name: 'what was changed of a source is put back on the one that bears its name by now',
    file: 'libs/azure/src/settings.ts',
    original: 'if (model === null || !sameId(setting.numberOf(model), was.number)) return null;',
    replacement: 'if (model === null) return null;',
    suite: CLOUD,
  },
  {
    name: 'a disk of ours is taken for one that was made from the snapshot',
    file: 'libs/azure/src/disk-recreation.ts',
    original: 'if (sourceId === null || !sameId(sourceId, snapshotId))',
    replacement: "if (sourceId === 'unheard of')",
    suite: CLOUD,
  },
  {
    name: 'a step has fifty attempts',
    file: 'libs/pipeline/src/retry-policy.ts',
    original: 'STEP_ATTEMPTS = 8',
    replacement: 'STEP_ATTEMPTS = 50',
    suite: ADVANCE,
  },
  {
    name: 'a segment has fifty attempts',
    file: 'libs/transfer/src/results.ts',
    original: 'SEGMENT_ATTEMPTS = 8',
    replacement: 'SEGMENT_ATTEMPTS = 50',
    suite: TRANSFER,
  },
  {
    name: 'a run that was replaced stores its disks',
    file: 'apps/provisioner/src/steps/create-empty-disks.ts',
    original: "        await tx.requireCurrent({ restoreId: restore.id, work: 'create-empty-disks', epoch });\n",
    replacement: '        void epoch;\n',
    suite: PROVISIONER_STEPS,
  },
  {
    name: 'a clean-up that was replaced forgets the VM',
    file: 'apps/finalizer/src/clean-up.ts',
    original: "      await tx.requireCurrent({ restoreId: restore.id, work: 'remove-created', epoch });\n",
    replacement: '      void epoch;\n',
    suite: FINALIZER_STEPS,
  },
  {
    name: 'ownership minds the case of the names of tags',
    file: 'libs/domain/src/cloud/ownership.ts',
    original: 'candidate.toLowerCase() === wanted)',
    replacement: 'candidate === name && wanted !== null)',
    suite: tests('libs/domain/dist/cloud/ownership.unit.test.js'),
  },
  {
    name: 'what does not carry our tags is taken for ours',
    file: 'libs/azure/src/ownership.ts',
    original: '  if (carriesTags(found.tags, wanted)) return;',
    replacement: '  if (carriesTags(found.tags, wanted) || found.azureId) return;',
    suite: simulation(250),
  },
  {
    name: 'the clean-up forgets network interfaces',
    file: 'libs/pipeline/src/owned-resources.ts',
    original: 'kinds.includes(entry.kind));',
    replacement: "kinds.includes(entry.kind) && entry.kind !== 'nic');",
    suite: simulation(60),
  },
  {
    name: "a worker's network interface outlives it",
    file: 'apps/finalizer/src/steps/deallocate-worker.ts',
    original: "['worker', 'worker-nic', 'worker-os-disk']",
    replacement: "['worker', 'worker-os-disk']",
    suite: FINALIZER_STEPS,
  },
  {
    name: 'disks stay attached to the worker',
    file: 'apps/finalizer/src/steps/detach-disks.ts',
    original: '      await cloud.machines.detach(worker.azureId, diskIds, journal, signal);\n',
    replacement: '      void [cloud, diskIds, journal, signal];\n',
    suite: FINALIZER_STEPS,
  },
  {
    name: 'a worker that never reported is taken for a new one',
    file: 'apps/provisioner/src/steps/launch-worker.ts',
    original: "const isToBeMade = present?.state === 'launching' && vm === null;",
    replacement: "const isToBeMade = present?.state === 'launching';",
    suite: PROVISIONER_STEPS,
  },
  {
    name: 'the SAS of a disk is kept in clear text',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: 'const sealedUrl = secrets.seal(new Secret(url), SEALING_CONTEXT.diskAccess(restore.id, disk.name));',
    replacement: 'const sealedUrl = url;',
    suite: simulation(60),
  },
  {
    name: 'a segment goes over while its former writer lives',
    file: 'libs/transfer/src/writers.ts',
    original: "  if (before?.state === 'held') return { kind: 'held', by: holder, expired: false };\n",
    replacement: '',
    suite: WRITERS,
  },
  {
    name: 'a lease that ran out proves that its holder is gone',
    file: 'libs/transfer/src/writers.ts',
    original: 'if (claim.site !== POOL && !claim.gone.includes(holder))',
    replacement: 'if (claim.site === holder)',
    suite: WRITERS,
  },
  {
    name: 'a data-mover claims without a lease of its own',
    file: 'libs/transfer/src/writers.ts',
    original: "if (!isHeldBy(own, claim.mover) || own?.state !== 'held') return { kind: 'lost' };",
    replacement: "if (own === undefined) return { kind: 'lost' };",
    suite: WRITERS,
  },
  {
    name: 'a segment is claimed over a writer that is not gone',
    file: 'libs/transfer/src/claim.ts',
    original: "  if (writer?.kind === 'held') return { ...writer, segment };\n",
    replacement: '',
    suite: CLAIM,
  },
  {
    name: 'a job waits for ever for a writer that lives',
    file: 'apps/data-mover/src/queue/claim.ts',
    original: '    if (mayPass && performance.now() >= putOffAt) throw putOff(segmentId, answer);\n',
    replacement: '',
    suite: simulation(1_000, 'verdicts'),
  },
  {
    name: 'a lease of a data-mover is counted to its very end',
    file: 'apps/data-mover/src/session/writer-lease.ts',
    original: 'const MARGIN = 0.2;',
    replacement: 'const MARGIN = 0;',
    suite: tests('apps/data-mover/dist/session/writer-lease.unit.test.js'),
  },
  {
    name: 'the sweep tells what is ours by its ledger entry alone, whatever its tags',
    file: 'apps/finalizer/src/sweep/find-orphans.ts',
    original: '  if (!isOurs(found, record, applianceId)) {',
    replacement: '  if (!isOurs(found, record, applianceId) && record.azureId === found.tags.none) {',
    suite: SWEEP,
  },
  {
    name: 'the sweep removes what no ledger lists',
    file: 'apps/finalizer/src/sweep/find-orphans.ts',
    original: "finding: 'unknown', removable: false, record: null",
    replacement: "finding: 'unknown', removable: true, record: null",
    suite: SWEEP,
  },
  {
    name: 'the sweep goes through restores that are under way',
    file: 'apps/finalizer/src/sweep/find-orphans.ts',
    original: 'hasEnded(owner.state) && !mayOutlive(record, owner.state);',
    replacement: '(!mayOutlive(record, owner.state) || !hasEnded(owner.state));',
    suite: SWEEP,
  },
  {
    name: 'the sweep takes what is to be kept until a date that is still to come',
    file: 'libs/domain/src/cloud/ledger.ts',
    original: '  if (keepUntil !== null && keepUntil > readAt) return true;\n',
    replacement: '  if (keepUntil === readAt) return true;\n',
    suite: SWEEP,
  },
  {
    name: 'what was to be replaced is taken for something that has been left behind',
    file: 'libs/domain/src/cloud/ledger.ts',
    original: "    case 'source':\n      return true;\n",
    replacement: "    case 'source':\n      return end === 'completed';\n",
    suite: SWEEP,
  },
  {
    name: 'what is made again goes on as what was removed before',
    file: 'libs/persistence/src/ledger-writes.ts',
    original: 'COALESCE(max("life"), 0) + 1',
    replacement: 'COALESCE(max("life"), 1)',
    suite: BOOKS,
  },
  {
    name: 'a call that tells late settles what was made again since',
    file: 'libs/persistence/src/ledger-writes.ts',
    original: "where: { ...alive, life, state: 'intended' },",
    replacement: "where: { ...alive, state: 'intended' },",
    suite: BOOKS,
  },
  {
    name: 'what moves is known under its new ID only once it is there',
    file: 'libs/persistence/src/ledger-writes.ts',
    original: '  if (effect.moves !== undefined) await openMoved(client, ownerId, key, effect.moves.to);\n',
    replacement: '  void openMoved;\n',
    suite: BOOKS,
  },
  {
    name: 'a change that is tried again keeps what the first try has made of it',
    file: 'libs/persistence/src/ledger-writes.ts',
    original: 'WHERE "undone_at" IS NULL DO NOTHING',
    replacement: 'WHERE "undone_at" IS NULL DO UPDATE SET "was" = EXCLUDED."was"',
    suite: BOOKS,
  },
  {
    name: 'nothing of the budget is kept for the clean-up',
    file: 'libs/pipeline/src/budget/local-budget.ts',
    original: '    if (!isCleaningUp()) return work;\n',
    replacement: '    if (work) return work;\n',
    suite: tests('libs/pipeline/dist/budget/local-budget.unit.test.js'),
  },
  {
    name: 'requests go past the budget',
    file: 'libs/azure/src/budget-policy.ts',
    original: '      await budget.take(wanted, abortSignal instanceof AbortSignal ? abortSignal : undefined);\n',
    replacement: '      void abortSignal;\n',
    suite: tests('libs/azure/dist/budget-policy.unit.test.js'),
  },
  {
    name: 'what Azure does not show yet is believed to be absent',
    file: 'libs/pipeline/src/owned-resources.ts',
    original: "  if (entry.state === 'intended') await lookForIt(ports, entry, signal);\n",
    replacement: '  void lookForIt;\n',
    suite: FINALIZER_STEPS,
  },
  {
    name: 'a worker that has reported is replaced when Azure does not show its VM',
    file: 'apps/provisioner/src/steps/launch-worker.ts',
    original: "of worker.state === 'ready' ? looksForVm : []) {",
    replacement: "of worker.state === 'retired' ? looksForVm : []) {",
    suite: PROVISIONER_STEPS,
  },
  {
    name: 'a worker that reports meanwhile is asked for again',
    file: 'apps/provisioner/src/steps/launch-worker.ts',
    original: '  if (!entered) throw wasChanged(id);\n',
    replacement: '  void [entered, wasChanged];\n',
    suite: PROVISIONER_STEPS,
  },
  {
    name: 'a worker that fell silent is taken for a good one, because it had reported once',
    file: 'apps/provisioner/src/steps/launch-worker.ts',
    original: '(!wasSilent || lastHeard(now) !== lastHeard(worker));',
    replacement: '(wasSilent || lastHeard(now) === lastHeard(worker));',
    suite: PROVISIONER_STEPS,
  },
  {
    name: 'a restore that has lost its worker is resumed without another',
    file: 'libs/pipeline/src/machine/turn-round.ts',
    original: 'if (from === undefined) return',
    replacement: 'if (from === undefined || failed.resumeFrom !== null) return',
    suite: ADVANCE,
  },
  {
    name: 'a clean-up passes over what was found to be gone before',
    file: 'apps/finalizer/src/clean-up.ts',
    original: '(entry) => !mayOutlive(entry, endOf(restore))',
    replacement: "(entry) => entry.state !== 'removed' && !mayOutlive(entry, endOf(restore))",
    suite: FINALIZER_STEPS,
  },
  {
    name: 'a clean-up takes along what is to be kept',
    file: 'apps/finalizer/src/clean-up.ts',
    original: '!mayOutlive(entry, endOf(restore))',
    replacement: "!mayOutlive({ ...entry, purpose: 'help', keepUntil: null }, endOf(restore))",
    suite: FINALIZER_STEPS,
  },
  {
    name: 'an access that was granted late is left to a person',
    file: 'apps/finalizer/src/steps/disk-access.ts',
    original: "if (!isUnderAccess || context.plan.options.transfer !== 'direct') throw error;",
    replacement: "if (!isUnderAccess || context.plan.options.transfer !== 'worker') throw error;",
    suite: FINALIZER_STEPS,
  },
  {
    name: 'an access is granted when only the end of the step is missing',
    file: 'apps/finalizer/src/transfer/restore-data.ts',
    original: ' && !(await isReadBack(books, restore.id))) {',
    replacement: ' || (await isReadBack(books, restore.id))) {',
    suite: TRANSFER,
  },
  {
    name: 'an access that somebody has ended is believed to be there',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: "if (isGood && trusting === 'the books') continue;",
    replacement: "if (isGood && trusting !== 'the books') continue;",
    suite: TRANSFER,
  },
  {
    name: 'a restore fails because Azure does not show yet what it has made',
    file: 'libs/azure/src/perform.ts',
    original: "if (refused.code === 'PROPERTY_FIXED' && after.state === 'needed')",
    replacement: "if (refused.code === 'PROPERTY_FIXED' && after.state === 'busy')",
    suite: PERFORM,
  },
  {
    name: 'a verdict and the end of its restore are two transactions',
    file: 'libs/transfer/src/results.ts',
    original:
      '  return books.transaction(async (tx) => {\n    const restore = await tx.lockRestore(report.restoreId);\n',
    replacement: `  const { result } = report;
  if (result.kind === 'failed' && failureKind(result.code) === 'verdict') {
    const error = await books.transaction(async (tx) => {
      const segment = await tx.segment(segmentId);
      if (segment === null || segment.state !== 'running') return null;
      const details = describeFailure(result.code, segment.diskName, result.facts ?? {});
      await giveUp(tx, segment, details);
      return details;
    });
    if (error === null) return true;
    return books.transaction(async (tx) => {
      const restore = await tx.lockRestore(report.restoreId);
      return restore !== null && failRestore(tx, restore, 'restore-data', error);
    });
  }
  return books.transaction(async (tx) => {
    const restore = await tx.lockRestore(report.restoreId);
`,
    suite: simulation(2_000, 'verdicts'),
  },
  {
    name: 'a verdict ends its restore only while its step is under way',
    file: 'libs/transfer/src/results.ts',
    original: "  const counts = await failRestore(tx, restore, 'restore-data', error);\n",
    replacement: "  const counts = isMoving(restore) && (await failRestore(tx, restore, 'restore-data', error));\n",
    suite: VERDICTS,
  },
  {
    name: 'a verdict leaves the step to another attempt',
    file: 'libs/transfer/src/results.ts',
    original: "  const counts = await failRestore(tx, restore, 'restore-data', error);\n",
    replacement:
      "  const counts = isMoving(restore);\n  if (counts) await applyOutcome(tx, restore, transferStep(restore), { kind: 'failed', error: new RetryableError(error) });\n",
    suite: VERDICTS,
  },
  {
    name: 'a report is dropped once its answer was lost',
    file: 'apps/data-mover/src/queue/reports.ts',
    original:
      "      counted = await patiently(() => this.api.report(segmentId, report, signal), { signal, onRetry });\n    } catch (error) {\n      if (error instanceof NotWelcomeError || kindOf(error) !== 'permanent') throw error;\n",
    replacement:
      '      counted = await this.api.report(segmentId, report, signal);\n    } catch (error) {\n      void onRetry;\n',
    suite: simulation(1_000, 'verdicts'),
  },
  {
    name: 'a report is not kept while it is told',
    file: 'apps/data-mover/src/queue/reports.ts',
    original: '    await this.store.keep(kept);\n',
    replacement: '',
    suite: simulation(2_000, 'verdicts'),
  },
  {
    name: 'nobody tells what a data-mover has left that is gone',
    file: 'apps/data-mover/src/queue/reports.ts',
    original: 'if (kept.report.mover !== this.mover) await this.#deliver(kept, signal);',
    replacement: 'if (kept.report.mover === this.mover) await this.#deliver(kept, signal);',
    suite: simulation(2_000, 'verdicts'),
  },
  {
    name: 'a verdict shares its file with what others say of the segment',
    file: 'apps/data-mover/src/queue/kept-reports.ts',
    original: "`${isVerdict(report) ? 'verdict' : 'report'}.${segmentId}",
    replacement: '`verdict.${segmentId}',
    suite: tests('apps/data-mover/dist/queue/kept-reports.unit.test.js'),
  },
  {
    name: 'a verdict is given back by a data-mover that is told to end',
    file: 'apps/data-mover/src/queue/segment-jobs.ts',
    original: "    if (kind === 'retryable') {\n",
    replacement: "    if (kind === 'retryable' || this.#closing) {\n",
    suite: simulation(5_000, 'verdicts'),
  },
  {
    name: 'a verdict is given back by a data-mover that has lost its lock',
    file: 'apps/data-mover/src/queue/segment-jobs.ts',
    original: "    if (kind === 'retryable') {\n",
    replacement: "    if (kind === 'retryable' || isLockLost) {\n",
    suite: simulation(5_000, 'locks'),
  },
  {
    name: 'a verdict counts under the present epoch only',
    file: 'libs/transfer/src/results.ts',
    original: "  if (kind === 'verdict') return verdict(reported, error);\n",
    replacement: "  if (kind === 'verdict') return isPresent(reported) ? verdict(reported, error) : letGo(reported);\n",
    suite: simulation(2_000, 'verdicts'),
  },
  {
    name: 'a job that comes a second time is done beside its first run',
    file: 'apps/data-mover/src/queue/segment-jobs.ts',
    original: '    const run = earlier.then(() => this.#run(job, lost));\n',
    replacement: '    const run = this.#run(job, lost);\n    void earlier;\n',
    suite: SEGMENT_JOBS,
  },
  {
    name: 'a second delivery lets a data-mover claim its own segment anew, and its first verdict is void',
    file: 'apps/data-mover/src/queue/segment-jobs.ts',
    original: '    const run = earlier.then(() => this.#run(job, lost));\n',
    replacement: '    const run = this.#run(job, lost);\n    void earlier;\n',
    also: [
      {
        file: 'libs/transfer/src/results.ts',
        original: "  if (kind === 'verdict') return verdict(reported, error);\n",
        replacement:
          "  if (kind === 'verdict' && !isPresent(reported) && reported.segment.mover === reported.grant.mover) return letGo(reported);\n  if (kind === 'verdict') return verdict(reported, error);\n",
      },
    ],
    suite: simulation(5_000, 'verdicts'),
  },
  {
    name: 'a data-mover waits for a queue whose door is shut',
    file: 'libs/service/src/queue/queue-processor.ts',
    original: 'if (!this.isIdle || this.worker.isConnected) {',
    replacement: 'if (!this.isIdle || this.worker.isRunning()) {',
    suite: tests('apps/data-mover/dist/queue/segment-processor.int.test.js'),
  },
  {
    name: 'a run whose lock is lost goes on beside its successor',
    file: 'libs/service/src/queue/queue-processor.ts',
    original: "this.worker.cancelJob(id, 'its lock was lost');",
    replacement: 'void id;',
    suite: tests('libs/service/dist/queue/queue-processor.int.test.js'),
  },
  {
    name: 'the end of a service waits for Redis while it is away',
    file: 'libs/service/src/queue/leavable-worker.ts',
    original: 'this.#left.resolve(undefined);',
    replacement: 'void this.#left;',
    suite: tests('libs/service/dist/queue/queue-processor.int.test.js'),
  },
  {
    name: 'a report is believed from whoever names the epoch',
    file: 'libs/transfer/src/results.ts',
    original: 'grant.restoreId === restoreId && grant.workerId === workerId && grant.mover === mover;',
    replacement: "grant.restoreId === restoreId && workerId !== '' && mover !== '';",
    suite: VERDICTS,
  },
  {
    name: 'a report of another worker is believed',
    file: 'libs/transfer/src/results.ts',
    original: 'grant.restoreId === restoreId && grant.workerId === workerId && grant.mover === mover;',
    replacement: "grant.restoreId === restoreId && workerId !== '' && grant.mover === mover;",
    suite: tests('apps/api/dist/int/reports.int.test.js'),
  },
  {
    name: "a worker's door leads to every queue",
    file: 'libs/pipeline/src/doors/door-rules.ts',
    original: '`~${prefix}:${queueBehind(owner)}:*`',
    replacement: '`~${prefix}:*`',
    suite: tests('libs/pipeline/dist/doors/doors.int.test.js'),
  },
  {
    name: 'a worker may send Redis every command',
    file: 'libs/pipeline/src/doors/door-rules.ts',
    original: 'keys, ...commands, ...select]',
    replacement: "keys, ...commands, ...select, '+@all']",
    suite: tests('libs/pipeline/dist/doors/doors.int.test.js'),
  },
  {
    name: 'disk accesses of a restore are changed by several processes at a time',
    file: 'apps/finalizer/src/transfer/exclusively.ts',
    original: 'if ((await leases.claim(name, holder, leaseSeconds)) === null) return false;',
    replacement: 'await leases.claim(name, holder, leaseSeconds);',
    suite: tests('apps/finalizer/dist/transfer/exclusively.unit.test.js'),
  },
  {
    name: 'a disk access is entered over whichever is in the books',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: '      if (!(await accesses.put(access, present))) throw accessChanged(disk.name);\n',
    replacement: '      await accesses.put(access, await accesses.access(restore.id, disk.name));\n',
    suite: DIRECT_DISKS,
  },
  {
    name: 'a disk access is struck off whichever is in the books',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: 'if (access !== null && !(await accesses.remove(access))) throw accessChanged(access.diskName);',
    replacement:
      'const now = access && (await accesses.access(access.restoreId, access.diskName));\n    if (now) await accesses.remove(now);',
    suite: DIRECT_DISKS,
  },
  {
    name: 'a SAS of an earlier run of the step is kept, whatever Azure has by now',
    file: 'apps/finalizer/src/transfer/direct-disks.ts',
    original: "(state === 'ActiveSAS' && isOfThisRun)",
    replacement: "(state === 'ActiveSAS' && (isOfThisRun || present !== null))",
    suite: DIRECT_DISKS,
  },
  {
    name: 'a disk that cannot be had just now ends the restore',
    file: 'libs/transfer/src/grant.ts',
    original: 'if (access?.purpose !== wanted) throw accessMissing(disk.name);',
    replacement: "if (access?.purpose !== wanted) throw impossible(segment, 'there is no access to it');",
    suite: tests('apps/api/dist/int/movers.int.test.js'),
  },
  {
    name: 'the lock of a process is let go by the first garbage collection',
    file: 'apps/data-mover/src/session/process-lock.ts',
    original: '    held.add(file);\n',
    replacement: '',
    suite: tests('apps/data-mover/dist/session/process-lock.unit.test.js'),
  },
  {
    name: 'a scan takes away the point that a restore uses',
    file: 'libs/persistence/src/catalogue.ts',
    original: '      const ids = [...inUse];\n',
    replacement: '      const ids: string[] = [];\n',
    suite: tests('libs/persistence/dist/contracts.int.test.js'),
  },
  {
    name: 'a scan changes the point that a restore uses',
    file: 'libs/persistence/src/catalogue.ts',
    original: '        if (inUse.has(id)) continue;\n',
    replacement: '',
    suite: tests('libs/persistence/dist/contracts.int.test.js'),
  },
  {
    name: 'a scan that began earlier replaces what a later one has found',
    file: 'libs/persistence/src/catalogue.ts',
    original: '      if (scan !== undefined && scan < shownScan) return countsOf(client, repositoryName);\n',
    replacement: '',
    suite: tests('libs/persistence/dist/contracts.int.test.js'),
  },
  {
    name: "a worker's silence is counted on the wall clock of the finalizer",
    file: 'libs/transfer/src/worker-watch.ts',
    original: 'mover.silentMs)',
    replacement: 'Date.now() - mover.seenAt.getTime())',
    suite: tests('libs/transfer/dist/worker-watch.unit.test.js'),
  },
  {
    name: 'how long a worker is watched is counted on the wall clock',
    file: 'libs/transfer/src/worker-watch.ts',
    original: 'now: () => number = () => performance.now()',
    replacement: 'now: () => number = () => Date.now()',
    suite: tests('libs/transfer/dist/worker-watch.unit.test.js'),
  },
  {
    name: 'step 7 passes over what was found to be gone before',
    file: 'apps/finalizer/src/steps/deallocate-worker.ts',
    original: 'WORKER_ROLES.includes(entry.role));',
    replacement: "WORKER_ROLES.includes(entry.role) && entry.state !== 'removed');",
    suite: FINALIZER_STEPS,
  },
  {
    name: 'a restore whose pass fails keeps the reconciler from the others',
    file: 'libs/transfer/src/reconcile.ts',
    original: 'reconcileTransfer(ports, restoreId).catch((error: unknown) => onError(restoreId, error)),',
    replacement: 'reconcileTransfer(ports, restoreId).finally(() => void onError),',
    suite: tests('libs/transfer/dist/reconcile.unit.test.js'),
  },
  {
    name: 'a call of a run that has been replaced meanwhile is let through',
    file: 'libs/persistence/src/journal-owners.ts',
    original: '      await client.$queryRaw`SELECT 1 FROM "restore" WHERE "id" = ${run.restoreId} FOR SHARE`;\n',
    replacement: '',
    suite: tests('libs/persistence/dist/contracts.int.test.js'),
  },
  {
    name: 'a step that has parked since its job was missed is sent out again',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: 'if (!at || at.work.parked) return false;',
    replacement: 'if (!at) return false;',
    suite: simulation(1_000, 'steps'),
  },
  {
    name: 'a worker is given up although its VM was asked for again meanwhile',
    file: 'apps/provisioner/src/steps/launch-worker.ts',
    original: '  if (!(await ports.workers.retire(worker.id, worker.entered))) throw wasChanged(worker.id);\n',
    replacement: '  await ports.workers.retire(worker.id);\n',
    suite: simulation(5_000, 'workers'),
  },
  {
    name: 'a run that was replaced stores its VM',
    file: 'apps/finalizer/src/steps/create-vm.ts',
    original: "      await tx.requireCurrent({ restoreId: restore.id, work: 'create-vm', epoch });\n",
    replacement: '      void epoch;\n',
    suite: FINALIZER_STEPS,
  },
  {
    name: 'a machine starts without its data disks',
    file: 'apps/finalizer/src/steps/create-vm.ts',
    original: '      dataDisks: dataDisksOf(restore, plan),\n',
    replacement: '      dataDisks: dataDisksOf(restore, plan).slice(1),\n',
    suite: FINALIZER_STEPS,
  },
  {
    name: 'the right to write is asked for before the wait for bandwidth',
    file: 'apps/data-mover/src/target/bandwidth.ts',
    original:
      '        await this.#wait(bytes.length, signal);\n        await target.write(offset, bytes, signal, mayWrite);\n',
    replacement:
      '        mayWrite?.();\n        await this.#wait(bytes.length, signal);\n        await target.write(offset, bytes, signal);\n',
    suite: tests('apps/data-mover/dist/target/bandwidth.unit.test.js'),
  },
  {
    name: 'whatever keeps a disk from being read past the page cache is passed over',
    file: 'apps/data-mover/src/target/block-device.ts',
    original: "      if (codeOf(error) === 'EINVAL') return null;\n",
    replacement: '      if (error !== null) return null;\n',
    suite: tests('apps/data-mover/dist/target/block-device.unit.test.js'),
  },
  {
    name: 'a call under way fails for good when a setting was changed since',
    file: 'libs/azure/src/perform.ts',
    original: 'if (failure !== null && !entry.hasOtherBody) throw failure;',
    replacement: 'if (failure !== null) throw failure;',
    suite: PERFORM,
  },
  {
    name: 'a data-mover gets the parts of a disk that lie before its segment, and those within',
    file: 'libs/domain/src/recipe.ts',
    original: 'part.at < offset + length && part.at + part.length > offset;',
    replacement: 'part.at < offset + length;',
    suite: tests('libs/domain/dist/recipe.unit.test.js'),
  },
  {
    name: 'a part of an image is written where it lies in the image',
    file: 'libs/disk/src/recipe/compose.ts',
    original: 'yield shift === 0 ? piece : { ...piece, offset: piece.offset + shift };',
    replacement: 'yield piece;',
    suite: tests('libs/disk/dist/recipe/compose.unit.test.js'),
  },
  {
    name: 'a recipe is kept whose patches nobody has',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: '    requireWhole(contents, patches);\n',
    replacement: '',
    suite: BOOKS,
  },
  {
    name: 'a restore that has cut over can be cancelled',
    file: 'libs/pipeline/src/machine/turn-round.ts',
    original: '    if (restore.cutOverAt !== null && !hasEnded(restore.state)) throw hasCutOver(restore);\n',
    replacement: '    void hasCutOver;\n',
    suite: GATE,
  },
  {
    name: 'a permanent error turns a restore round that has cut over',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: '  if (restore.cutOverAt !== null) return leaveToPerson(at, withRollback(restore, details));\n',
    replacement: '',
    suite: GATE,
  },
  {
    name: 'a verdict turns a restore round that has cut over',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: 'if (restore.cutOverAt === null) await turnRound(',
    replacement: 'if (restore.cutOverAt === null || step) await turnRound(',
    suite: GATE,
  },
  {
    name: 'the gate is passed in a transaction of its own, without the lock',
    file: 'libs/pipeline/src/machine/pass-gate.ts',
    original: '    if (problems.length === 0) await cutOver(tx, restore, run, booked);\n    return problems;\n  });\n',
    replacement:
      '    return { problems, restore, booked };\n  }).then(async (judged) => {\n    if (Array.isArray(judged)) return judged;\n    const { problems, restore, booked } = judged as { problems: readonly Problem[]; restore: LockedRestore; booked: BookedFacts };\n    if (problems.length === 0) await books.transaction((tx) => cutOver(tx, restore, run, booked));\n    return problems;\n  });\n',
    suite: GATE,
  },
  {
    name: 'the gate is passed by a run that is no longer wanted',
    file: 'libs/pipeline/src/machine/pass-gate.ts',
    original: '    await tx.requireCurrent(run);\n',
    replacement: '',
    suite: GATE,
  },
  {
    name: 'the gate is passed with segments that are not done',
    file: 'libs/pipeline/src/machine/pass-gate.ts',
    original: 'isVerified: isTransferred && isDone && ofDisk',
    replacement: 'isVerified: isTransferred && (isDone || ofDisk.length > 0) && ofDisk',
    suite: GATE,
  },
  {
    name: 'a work that needs an approval is dispatched without one',
    file: 'libs/pipeline/src/machine/next-work.ts',
    original: 'if (missing !== null) await awaitApproval',
    replacement: "if (missing !== null && direction !== 'forward') await awaitApproval",
    suite: GATE,
  },
  {
    name: 'a work is run for the first time on an approval that has run out',
    file: 'libs/pipeline/src/machine/advance.ts',
    original: '    if (missing !== null) {\n',
    replacement: '    if (missing !== null && work.startedAt !== null) {\n',
    suite: STATE_MACHINE,
  },
  {
    name: 'a run that finds itself unapproved counts as an attempt',
    file: 'libs/pipeline/src/machine/advance.ts',
    original:
      "const patch = { epoch: work.epoch + 1, parked: false };\n  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'pending', patch));\n  await tell(tx, restore, work, 'stopped', 'stopped, because it has",
    replacement:
      "const patch = { epoch: work.epoch + 1, parked: false, attempts: work.attempts + 1 };\n  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'pending', patch));\n  await tell(tx, restore, work, 'stopped', 'stopped, because it has",
    suite: GATE,
  },
  {
    name: 'the approval of another plan is accepted',
    file: 'libs/domain/src/approval.ts',
    original: 'isKept: ([approved, wanted]) => approved === wanted,',
    replacement: 'isKept: ([approved, wanted]) => approved !== undefined && wanted !== undefined,',
    suite: GATE,
  },
  {
    name: 'whoever has asked for a restore approves it',
    file: 'libs/domain/src/approval.ts',
    original: '(approvedBy !== asker || selfApproval)',
    replacement: '(approvedBy !== asker || !selfApproval)',
    suite: tests('libs/domain/dist/approval.unit.test.js'),
  },
  {
    name: 'whoever has asked for a restore approves it by a token that he has made',
    file: 'libs/pipeline/src/machine/approve.ts',
    original: 'order.behind?.includes(restore.requestedBy) === true ? restore.requestedBy : actor;',
    replacement: 'actor;',
    suite: GATE,
  },
  {
    name: 'a captured VM stays off when its capture fails',
    file: 'apps/provisioner/src/capture/go-back.ts',
    original: '  if ((await captures.openChanges(capture.id)).length === 0) return;\n',
    replacement: "  if (capture.outcome === 'failed') return;\n",
    suite: CAPTURE,
  },
  {
    name: 'a VM that was found off is started by its capture',
    file: 'apps/provisioner/src/capture/go-forward.ts',
    original: 'if (changes.length > 0) await cloud.machines.startSource',
    replacement: 'if (changes.length >= 0) await cloud.machines.startSource',
    suite: CAPTURE,
  },
  {
    name: 'snapshots count as of one moment although the VM was started meanwhile',
    file: 'apps/provisioner/src/capture/go-forward.ts',
    original: '  if (capture.stop && wasOff && !oneState) throw startedMeanwhile(vm);\n',
    replacement: '  void startedMeanwhile;\n',
    suite: CAPTURE,
  },
  {
    name: 'an image stays in the repository whose run was replaced',
    file: 'apps/provisioner/src/capture/go-forward.ts',
    original: '    await writer.forget([snapshot]).catch(() => undefined);\n',
    replacement: '',
    suite: CAPTURE,
  },
  {
    name: 'another VM of the same name is stopped to be captured',
    file: 'libs/azure/src/source-power.ts',
    original: 'if (!isSource(vm, source)) throw sourceReplaced(azureId);',
    replacement: 'void sourceReplaced;',
    suite: CLOUD,
  },
  {
    name: 'a fact that is not known keeps a rule of the gate',
    file: 'libs/domain/src/rules.ts',
    original: 'return isKnown(judged) && isKept(judged as Known<Judged>, now) ? null',
    replacement: 'return !isKnown(judged) || isKept(judged as Known<Judged>, now) ? null',
    suite: tests('libs/domain/dist/gate.unit.test.js'),
  },
  {
    name: 'a source passes the gate that was started since its snapshots',
    file: 'libs/domain/src/gate.ts',
    original: 'disks.every(({ ownership }) => ownership.now === ownership.atSnapshot)',
    replacement: 'disks.some(({ ownership }) => ownership.now === ownership.atSnapshot)',
    suite: tests('libs/domain/dist/gate.unit.test.js'),
  },
  {
    name: 'a restore cuts over anew each time that it is asked for',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: 'coalesce("cut_over_at", clock_timestamp())',
    replacement: "clock_timestamp() + interval '1 s'",
    suite: BOOKS,
  },
  {
    name: 'a run is taken for the wanted one while its restore turns round',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: '    await this.#client.$queryRaw`SELECT 1 FROM "restore" WHERE "id" = ${run.restoreId} FOR UPDATE`;\n',
    replacement: '',
    suite: BOOKS,
  },
  {
    name: 'an approval counts that another one has followed',
    file: 'libs/persistence/src/restore-transaction.ts',
    original: "where: { restoreId }, orderBy: { id: 'desc' } });\n    return row && toApproval",
    replacement: "where: { restoreId }, orderBy: { id: 'asc' } });\n    return row && toApproval",
    suite: BOOKS,
  },
  {
    name: 'copies are booted in the network of the machine',
    file: 'apps/finalizer/src/cut-over/check-boot.ts',
    original: "{ ...help(`${name}-nic`, 'copy-nic'), zone, subnetId, privateIp: null },",
    replacement:
      "{ ...help(`${name}-nic`, 'copy-nic'), zone, subnetId: plan.destination.subnetId ?? subnetId, privateIp: null },",
    suite: simulation(60, 'original'),
  },
  {
    name: 'copies that do not boot are left behind',
    file: 'apps/finalizer/src/cut-over/check-boot.ts',
    original: '  await removeOwned(ports, copies, journal, signal);\n',
    replacement: '  if (signal.aborted) await removeOwned(ports, copies, journal, signal);\n',
    suite: CHECK_BOOT,
  },
  {
    name: 'a restored disk is booted itself, and no copy of it',
    file: 'apps/finalizer/src/cut-over/check-boot.ts',
    original: 'return { disk, diskId: copy.azureId };',
    replacement: 'return { disk, diskId: copy.azureId === null ? copy.azureId : wanted.sourceDiskId };',
    suite: CHECK_BOOT,
  },
  {
    name: 'copies are booted once the source is stopped',
    file: 'libs/domain/src/steps.ts',
    original: "  { number: 8, id: 'check-boot' },\n  { number: 8, id: 'remove-source' },",
    replacement: "  { number: 8, id: 'remove-source' },\n  { number: 8, id: 'check-boot' },",
    suite: CHECK_BOOT,
  },
  {
    name: 'a machine that has not booted in time is waited for without end',
    file: 'apps/finalizer/src/steps/boot-check.ts',
    original: 'if (seconds < BOOT_SECONDS) {',
    replacement: "if (seconds < BOOT_SECONDS || log === '') {",
    suite: CHECK_BOOT,
  },
  {
    name: 'a machine that is to be isolated gets a way out',
    file: 'libs/azure/src/isolated-networks.ts',
    original: '        defaultOutboundAccess: false,\n',
    replacement: '        defaultOutboundAccess: true,\n',
    suite: CLOUD,
  },
  {
    name: 'the source is not put back where the gate refuses',
    file: 'apps/finalizer/src/cut-over/remove-source.ts',
    original: '    await wayOut(ports, context);\n',
    replacement: '    void wayOut;\n',
    suite: CUT_OVER,
  },
  {
    name: 'snapshots of an earlier state are taken for good',
    file: 'apps/finalizer/src/cut-over/stop-and-take.ts',
    original: ' && each.ownership === disk.ownershipUpdatedAt',
    replacement: '',
    suite: CUT_OVER,
  },
  {
    name: 'snapshots count as those of the last state although the source was started meanwhile',
    file: 'apps/finalizer/src/cut-over/stop-and-take.ts',
    original: "if (!isOfLast || vm?.powerState !== 'deallocated') throw",
    replacement: "if (!isOfLast && vm?.powerState === 'unknown') throw",
    suite: CUT_OVER,
  },
  {
    name: 'the gate is passed without a lock on it',
    file: 'libs/pipeline/src/machine/pass-gate.ts',
    original: '    await tx.requireCurrent(run);\n    const restore = await tx.lockRestore(run.restoreId);\n',
    replacement: '    const restore = await (books as RestoreBooks).restore(run.restoreId);\n',
    suite: GATE,
  },
  {
    name: 'a roll-back removes the restored machine before the disks of the source are made',
    file: 'apps/finalizer/src/cut-over/bring-back.ts',
    original: '  const disks = await boundedMap(record.snapshots, DISKS_AT_ONCE,',
    replacement:
      "  const [early] = (await books.ledger(restore.id)).filter(({ kind, purpose }) => kind === 'vm' && purpose === 'result');\n" +
      '  if (early !== undefined) await removeRestored(ports, context, early);\n' +
      '  const disks = await boundedMap(record.snapshots, DISKS_AT_ONCE,',
    suite: CUT_OVER,
  },
  {
    name: 'what is brought back goes with the restored machine that somebody has kept from its place',
    file: 'apps/finalizer/src/cut-over/bring-back.ts',
    original: '  if (foreign[0] !== undefined) throw foreign[0].error;\n',
    replacement: '  void foreign;\n',
    suite: CUT_OVER,
  },
  {
    name: 'the disks of a finished restore are not kept at its roll-back',
    file: 'apps/finalizer/src/cut-over/bring-back.ts',
    original: '      await tx.keepDisks(restore.id);\n',
    replacement: '',
    suite: CUT_OVER,
  },
  {
    name: 'a restore is rolled back beside its purge',
    file: 'libs/pipeline/src/machine/turn-round.ts',
    original: '    if (purgeOf(restore) !== null) throw wasPurged(restore);\n',
    replacement: '    void [purgeOf, wasPurged];\n',
    suite: simulation(150, 'original'),
  },
  {
    name: 'a roll-back does not know the disks that it has given back',
    file: 'apps/finalizer/src/cut-over/bring-back.ts',
    original: 'made?.instanceId ?? uniqueId]',
    replacement: 'made === undefined ? uniqueId : uniqueId]',
    suite: CUT_OVER,
  },
  {
    name: 'policies are not asked before the machine is stopped',
    file: 'apps/finalizer/src/cut-over/checks.ts',
    original: '  await requirePolicies(ports, context);\n',
    replacement: '',
    suite: CUT_OVER,
  },
  {
    name: 'a policy that only audits is taken for one that denies',
    file: 'libs/azure/src/azure-policies.ts',
    original: "evaluations.filter((each) => effectOf(each) === 'deny')",
    replacement: 'evaluations',
    suite: POLICIES,
  },
];
