import { POWER_CHANGE } from '@landfall/domain';
import type { WorkContext } from '@landfall/pipeline';
import { replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';

/*
 * The ways out before anything of the source is removed: it runs again if it ran, and what was changed of it is as it was found.
 */

/** It runs first: that is what is missed. Then the rest, from the end, each whatever the others come to. */
export async function putBack(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { cloud, books } = ports;
  const { restore, journal, signal } = context;
  await startAgain(ports, context);
  const failures: unknown[] = [];
  for (const change of [...(await books.openChanges(restore.id))].reverse()) {
    if (change.what === POWER_CHANGE) continue;
    signal.throwIfAborted();
    await cloud.sources.undo(change, journal, signal).catch((error: unknown) => void failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

export async function startAgain({ cloud, books }: CutOverPorts, context: WorkContext): Promise<void> {
  const { restore, journal, signal } = context;
  const changes = await books.openChanges(restore.id);
  if (!changes.some(({ what }) => what === POWER_CHANGE)) return;
  const runs = await cloud.machines.startSource(sourceVmOf(replacedBy(context)), journal, signal);
  // Behind the gate another machine stands in its place, or is about to.
  if (!runs && restore.cutOverAt !== null) return;
  const gone = 'The machine that was stopped is gone, or another by now.';
  await context.event('source.started', runs ? 'The machine that was to be replaced runs again.' : gone);
}
