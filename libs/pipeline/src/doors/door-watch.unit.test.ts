import { beforeEach, describe, expect, it } from '@jest/globals';
import type { WorkerRecord } from '@landfall/domain';
import { MemoryWorkerRegistry } from '@landfall/testing';
import type { DoorOwner } from './door-rules.js';
import { keepDoors } from './door-watch.js';

describe('a pass over the doors', () => {
  let workers: MemoryWorkerRegistry;
  let users: Set<string>;
  let made: string[];
  let warnings: number;

  beforeEach(() => {
    workers = new MemoryWorkerRegistry();
    users = new Set();
    made = [];
    warnings = 0;
  });

  const register = async (id: string): Promise<void> => {
    const bootstrap = { bootstrapTokenHash: id, bootstrapSeconds: 60 };
    await workers.enter({ id, restoreId: 'r1', azureId: `/vms/${id}`, disks: ['sda'], ...bootstrap });
    await workers.redeemBootstrap(id, id, { tokenHash: `session-of-${id}`, validSeconds: 60 });
  };

  const parts = () => ({
    keeper: {
      makesUsers: true,
      isOpenToAll: async () => false,
      make: async (owners: readonly DoorOwner[]) => {
        for (const owner of owners) {
          if (owner === 'pool') continue;
          made.push(owner.workerId);
          users.add(owner.workerId);
        }
      },
    },
    doors: {
      users: async () => [...users],
      removeUsers: async (ids: readonly string[]) => ids.forEach((id) => users.delete(id)),
    },
    workers: workers as { workers: MemoryWorkerRegistry['workers'] },
    log: { warn: () => void (warnings += 1), error: () => undefined },
  });

  it('makes the users that are missing, and all of them where it is the first', async () => {
    await register('w-1');
    await register('w-2');
    users.add('w-1');
    await keepDoors(parts(), false);
    expect(made).toStrictEqual(['w-2']);
    await keepDoors(parts(), true);
    expect(made.slice(1)).toStrictEqual(['w-1', 'w-2']);
  });

  it('makes none for a worker that has not registered yet', async () => {
    const bootstrap = { bootstrapTokenHash: 'x', bootstrapSeconds: 60 };
    await workers.enter({ id: 'w-1', restoreId: 'r1', azureId: '/vms/w-1', disks: [], ...bootstrap });
    await keepDoors(parts(), true);
    expect(made).toStrictEqual([]);
  });

  it('removes the users of workers that are retired or unknown', async () => {
    await register('w-1');
    await register('w-2');
    await workers.retire('w-1');
    users = new Set(['w-1', 'w-2', 'w-unknown']);
    await keepDoors(parts(), false);
    expect([...users]).toStrictEqual(['w-2']);
  });

  it('does so too where workers get a fixed user, and makes none', async () => {
    await register('w-1');
    users = new Set(['w-2']);
    const own = parts();
    await keepDoors({ ...own, keeper: { ...own.keeper, makesUsers: false } }, true);
    expect([[...users], made]).toStrictEqual([[], []]);
  });

  it('leaves no user to a worker that is retired, and whose user is removed, before it was made', async () => {
    await register('w-1');
    const own = parts();
    const make = async (owners: readonly DoorOwner[]): Promise<void> => {
      await workers.retire('w-1');
      users.delete('w-1');
      await own.keeper.make(owners);
    };
    await keepDoors({ ...own, keeper: { ...own.keeper, make } }, false);
    expect([made, [...users]]).toStrictEqual([['w-1'], []]);
  });

  it('leaves its user to a worker that registers meanwhile', async () => {
    const own = parts();
    let read = 0;
    const reading = {
      workers: async (filter?: { active?: boolean }): Promise<readonly WorkerRecord[]> => {
        const found = await workers.workers(filter);
        read += 1;
        if (read === 1) {
          await register('w-1');
          users.add('w-1');
        }
        return found;
      },
    };
    await keepDoors({ ...own, workers: reading }, false);
    expect([...users]).toStrictEqual(['w-1']);
  });

  it('warns of a Redis that lets everybody in', async () => {
    const own = parts();
    await keepDoors({ ...own, keeper: { ...own.keeper, isOpenToAll: async () => true } }, true);
    expect(warnings).toBe(1);
  });
});
