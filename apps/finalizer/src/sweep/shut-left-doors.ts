import type { WorkerDoors, WorkerRegistry } from '@landfall/domain';

/*
 * Doors and queues of workers that are retired or unknown: left where Redis was away when their worker was retired, or where a
 * job for it came late.
 *
 * Redis is listed first and the books are read after it: a worker is entered before it has a queue.
 */
export interface DoorSweepPorts {
  readonly doors: WorkerDoors;
  readonly workers: Pick<WorkerRegistry, 'workers'>;
}

/** @returns the workers whose door was shut. @throws RetryableError `REDIS_UNREACHABLE` */
export async function shutLeftDoors({ doors, workers }: DoorSweepPorts): Promise<readonly string[]> {
  const present = await doors.present();
  const active = new Set((await workers.workers({ active: true })).map((worker) => worker.id));
  const left = present.filter((workerId) => !active.has(workerId));
  for (const workerId of left) await doors.shut(workerId);
  return left;
}
