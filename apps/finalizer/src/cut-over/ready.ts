import { PermanentError, SEALING_CONTEXT, Secret, type SourceRecord } from '@landfall/domain';
import type { StepContext } from '@landfall/pipeline';
import { claimOf, recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';
import { ensureFirstSnapshots, ensureSafetyGroup } from './safety-snapshots.js';
import { isStoppedByUs } from './stop-and-take.js';

/*
 * The source is made ready to be removed while it still runs. Its model is written down first, as it was found: what is changed
 * afterwards is a change in the ledger, which every way out undoes.
 */
export async function makeReady(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { cloud } = ports;
  const { restore, journal, signal } = context;
  const source = sourceVmOf(replacedBy(context));
  await saveModel(ports, context);
  await ensureSafetyGroup(ports, context);
  // Of one that stands still they would help nobody: it is not missed meanwhile, or it is already.
  const { ran } = await recordOf(ports, restore.id);
  if (ran && !(await isStoppedByUs(ports, restore.id))) await ensureFirstSnapshots(ports, context);
  await cloud.sources.claim(source, claimOf(restore.id), journal, signal);
  await cloud.sources.holdAddresses(source, journal, signal);
  await cloud.sources.keepParts(source, journal, signal);
}

/** While none of our changes is open: else it would be saved with them. */
async function saveModel({ cloud, books, secrets }: CutOverPorts, context: StepContext): Promise<void> {
  const { restore, epoch } = context;
  if ((await books.openChanges(restore.id)).length > 0) return;
  const { azureId } = replacedBy(context);
  const [saved, vm] = await Promise.all([cloud.reader.savedVm(azureId), cloud.reader.vm(azureId)]);
  if (saved === null || vm === null) throw gone(azureId);
  const sealedModel = secrets.seal(new Secret(JSON.stringify(saved)), SEALING_CONTEXT.sourceModel(restore.id));
  const before = (await books.sourceRecord(restore.id)) ?? NOTHING_TAKEN;
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'remove-source', epoch });
    await tx.recordSource(restore.id, { ...before, ran: !OFF.includes(vm.powerState ?? ''), sealedModel });
    await tx.addEvent(restore.id, 'source.model-saved', `The model of ${vm.name} is saved, as it was found.`);
  });
}

const OFF: readonly string[] = ['stopping', 'stopped', 'deallocating', 'deallocated'];

const NOTHING_TAKEN: Pick<SourceRecord, 'take' | 'stoppedAt' | 'snapshots'> = {
  ...{ take: 0, stoppedAt: null, snapshots: [] },
};

function gone(azureId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_CHANGED',
    message: `The machine ${azureId} that is to be replaced is gone.`,
    fix: 'Find out who removed it in the activity log; cancel the restore, and plan it again.',
  });
}
