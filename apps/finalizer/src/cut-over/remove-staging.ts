import { sameId, type LedgerEntry, type LockedRestore } from '@landfall/domain';
import type { StepContext, StepHandler } from '@landfall/pipeline';
import { removeAll } from '../remove-all.js';
import { fidelity } from './fidelity.js';
import { instanceOf, modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';
import { putBack } from './put-back.js';
import { removeDisks } from './removal.js';
import { removeEarlierSnapshots } from './stop-and-take.js';

/*
 * Step 12: what is left of the source's disks goes, addresses and delete options are as they were found, the staging group goes
 * with all that only helped, and what came back other than it was is told. Safety snapshots of the source's last state stay.
 */

export function removeStaging(ports: CutOverPorts): StepHandler<'remove-staging-resource-group'> {
  return async (context) => {
    await removeDisks(ports, context, true);
    await putBack(ports, context);
    await giveOptionsBack(ports, context);
    await removeHelp(ports, context);
    await removeEarlierSnapshots(ports, context);
    const before = modelOf(ports, context.restore.id, await recordOf(ports, context.restore.id));
    const after = await ports.cloud.reader.savedVm(replacedBy(context).azureId);
    const notSent = context.outputOf('create-vm').notSent ?? [];
    return { kind: 'done', output: { fidelity: after === null ? [] : [...fidelity(before, after, notSent)] } };
  };
}

/** What went along with the machine that was replaced goes along with this one: a roll-back sees to it that nothing does then. */
async function giveOptionsBack({ cloud, books, secrets }: CutOverPorts, context: StepContext): Promise<void> {
  const { restore, journal, signal } = context;
  const { azureId } = replacedBy(context);
  const instanceId = instanceOf(await books.ledger(restore.id), azureId);
  if (instanceId === null) return;
  const saved = modelOf({ secrets }, restore.id, await recordOf({ books }, restore.id));
  await cloud.sources.giveOptionsBack({ azureId, instanceId }, saved, journal, signal);
}

async function removeHelp(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { restore } = context;
  const help = (await ports.books.ledger(restore.id)).filter(
    (entry) => entry.purpose === 'help' || wasCopied(entry, restore),
  );
  for (const { entry, error } of await removeAll(ports, context, help, 'remove-staging-resource-group'))
    await context.event('resource.left', error.message, { azureId: entry.azureId, code: error.code });
}

/** A disk that was made for the restore and is none of its disks any more. */
function wasCopied({ kind, role, purpose, azureId }: LedgerEntry, { disks }: LockedRestore): boolean {
  return (
    kind === 'disk' &&
    role === 'disk' &&
    purpose === 'result' &&
    !disks.some((disk) => disk.azureId !== null && sameId(disk.azureId, azureId))
  );
}
