import { describe, expect, test } from '@jest/globals';
import type { WorkerDoors } from '@landfall/domain';

export interface WorkerDoorsUnderTest {
  readonly doors: WorkerDoors;
  /** Makes a door, with a job in the queue behind it. */
  open(workerId: string): Promise<void>;
  dispose(): Promise<void>;
}

/** Registers the tests that all WorkerDoors have to pass; `name` heads them. */
export function workerDoorsContract(name: string, make: () => Promise<WorkerDoorsUnderTest>): void {
  const withDoors = async (use: (made: WorkerDoorsUnderTest) => Promise<void>) => {
    const made = await make();
    try {
      await use(made);
    } finally {
      await made.dispose();
    }
  };
  const present = async ({ doors }: WorkerDoorsUnderTest) => (await doors.present()).toSorted();

  describe(`${name} as WorkerDoors`, () => {
    test('lists the workers that have a door', () =>
      withDoors(async (made) => {
        expect(await present(made)).toStrictEqual([]);
        await made.open('r1-worker-1');
        await made.open('r1-worker-1-2');
        expect(await present(made)).toStrictEqual(['r1-worker-1', 'r1-worker-1-2']);
      }));

    test('shuts one and leaves every other as it is, one whose name begins alike included', () =>
      withDoors(async (made) => {
        await made.open('r1-worker-1');
        await made.open('r1-worker-1-2');
        await made.doors.shut('r1-worker-1');
        expect(await present(made)).toStrictEqual(['r1-worker-1-2']);
      }));

    test('lets one be shut that is shut already, or never was there', () =>
      withDoors(async (made) => {
        await made.open('r1-worker-1');
        await made.doors.shut('r1-worker-1');
        await made.doors.shut('r1-worker-1');
        await made.doors.shut('r2-worker-1');
        expect(await present(made)).toStrictEqual([]);
      }));
  });
}
