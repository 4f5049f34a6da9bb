import type { WorkerDoors } from '@landfall/domain';

/**
 * Shuts the door of a worker that was retired, as far as Redis answers: a step does not fail for it, since the API's watch
 * and the sweep shut what is left open.
 */
export async function shutDoor(doors: Pick<WorkerDoors, 'shut'>, workerId: string): Promise<void> {
  await doors.shut(workerId).catch(() => undefined);
}
