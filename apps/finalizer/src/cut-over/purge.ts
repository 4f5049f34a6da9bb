import { LandfallError } from '@landfall/domain';
import { removeOwned, type RemovalPorts, type WorkHandler } from '@landfall/pipeline';
import type { CutOverPorts } from './ports.js';

/** After the end: safety snapshots and disks that were kept go, with the resource group that holds them. */
export function purge(ports: Pick<CutOverPorts, 'books'> & RemovalPorts): WorkHandler {
  return async (context) => {
    const { restore, journal, signal } = context;
    const kept = (await ports.books.ledger(restore.id)).filter(
      ({ purpose, state }) => state !== 'removed' && (purpose === 'safety' || purpose === 'kept'),
    );
    const { foreign } = await removeOwned(ports, kept, journal, signal);
    for (const { entry, error } of foreign)
      await context.event('purge.left', error.message, left(entry.azureId, error));
    await context.event('restore.purged', 'What was kept is removed: the restore can’t be rolled back any more.');
  };
}

function left(azureId: string, { code }: LandfallError): Record<string, unknown> {
  return { azureId, code };
}
