import { createHash } from 'node:crypto';
import {
  ConflictError,
  hasEnded,
  NotFoundError,
  placesOf,
  RESTORE_TRANSITIONS,
  restorePointId,
  type Catalogue,
  type DiscoveredPoint,
  type Machine,
  type PointDisk,
  type RepositoryKind,
  type RepositoryRecord,
  type RestorePoint,
  type RestoreState,
} from '@landfall/domain';
import type { Database } from './database.js';
import type { Prisma } from './generated/client.js';
import { fromJson, pointColumns, storableText, toPoint } from './rows.js';
import { forgetSurveys } from './surveys.js';

const PREFIX_AT_LEAST = 6;

const GOING_ON = (Object.keys(RESTORE_TRANSITIONS) as RestoreState[]).filter((state) => !hasEnded(state));

export class PostgresCatalogue implements Catalogue {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async addRepository(repository: Parameters<Catalogue['addRepository']>[0]): Promise<void> {
    const { count } = await this.#database.run((client) =>
      client.repository.createMany({ data: [repository], skipDuplicates: true }),
    );
    if (count === 1) return;
    throw new ConflictError({
      code: 'REPOSITORY_EXISTS',
      message: `There is a repository named ${repository.name} already.`,
      fix: 'Choose another name, or remove that repository first.',
    });
  }

  async repository(name: string): Promise<RepositoryRecord | null> {
    return (await this.#repositories({ name }))[0] ?? null;
  }

  async repositories(): Promise<readonly RepositoryRecord[]> {
    return this.#repositories({});
  }

  async sealedPassword(name: string): Promise<string | null> {
    const row = await this.#database.run((client) => client.repository.findUnique({ where: { name } }));
    return row?.sealedPassword ?? null;
  }

  async removeRepository(name: string): Promise<boolean> {
    return this.#database.transaction(async (client) => {
      if (!(await lockRepository(client, name))) return false;
      const [user] = await usersOf(client, name);
      if (user) {
        throw new ConflictError({
          code: 'REPOSITORY_IN_USE',
          message: `Restore ${user.restoreId} reads from repository ${name} and has not ended.`,
          fix: 'Wait for it, or cancel it, then remove the repository.',
        });
      }
      const capture = await client.capture.findFirst({ where: { repositoryName: name, endedAt: null } });
      if (capture) {
        throw new ConflictError({
          code: 'REPOSITORY_IN_USE',
          message: `Capture ${capture.id} writes to repository ${name} and has not ended.`,
          fix: 'Wait for it, or cancel it, then remove the repository.',
        });
      }
      await client.repository.delete({ where: { name } });
      return true;
    });
  }

  async beginScan(repositoryName: string): Promise<number> {
    const [row] = await this.#database.run((client) =>
      client.repository.updateManyAndReturn({
        where: { name: repositoryName },
        data: { lastScan: { increment: 1 } },
        select: { lastScan: true },
      }),
    );
    if (!row) throw repositoryNotFound(repositoryName);
    return row.lastScan;
  }

  async replacePoints(
    repositoryName: string,
    points: readonly DiscoveredPoint[],
    scan?: number,
    unread: readonly string[] = [],
  ): Promise<{ machines: number; points: number }> {
    return this.#database.transaction(async (client) => {
      if (!(await lockRepository(client, repositoryName))) throw repositoryNotFound(repositoryName);
      const { lastScan, shownScan } = await client.repository.findUniqueOrThrow({ where: { name: repositoryName } });
      if (scan !== undefined && scan < shownScan) return countsOf(client, repositoryName);
      const inUse = new Set((await usersOf(client, repositoryName)).map(({ pointId }) => pointId));
      for (const { id, ...machine } of machinesOf(repositoryName, points)) {
        await client.machine.upsert({ where: { id }, create: { id, ...machine }, update: machine });
      }
      const ids = [...inUse, ...unread.map((reference) => restorePointId(repositoryName, reference))];
      for (const point of points) {
        const id = restorePointId(repositoryName, point.reference);
        if (inUse.has(id)) continue;
        ids.push(id);
        const columns = { repositoryName, machineId: machineId(repositoryName, point), ...pointColumns(point) };
        await client.restorePoint.upsert({ where: { id }, create: { id, ...columns }, update: columns });
      }
      await client.restorePoint.deleteMany({ where: { repositoryName, id: { notIn: ids } } });
      await forgetSurveys(client, repositoryName);
      await client.machine.deleteMany({ where: { repositoryName, points: { none: {} } } });
      const columns = { scannedAt: new Date(), shownScan: scan ?? lastScan };
      await client.repository.update({ where: { name: repositoryName }, data: columns });
      return countsOf(client, repositoryName);
    });
  }

  async machines(): Promise<readonly Machine[]> {
    return this.#machines({});
  }

  async findMachines(text: string): Promise<readonly Machine[]> {
    const name = { equals: text, mode: 'insensitive' } as const;
    return this.#machines({ OR: [{ id: text }, { name }, { aliases: { has: text } }] });
  }

  async points(machineIds?: readonly string[]): Promise<readonly RestorePoint[]> {
    return this.#points(machineIds ? { machineId: { in: [...machineIds] } } : {});
  }

  async point(id: string): Promise<RestorePoint | null> {
    return (await this.#points({ id }))[0] ?? null;
  }

  async findPoints(text: string): Promise<readonly RestorePoint[]> {
    const exact = await this.#points({ OR: [{ id: text }, { reference: text }] });
    if (exact.length > 0 || text.length < PREFIX_AT_LEAST) return exact;
    // Prisma hands the text to LIKE as it is, wildcards included.
    const startsWith = text.replace(/[\\%_]/g, '\\$&');
    return this.#points({ OR: [{ id: { startsWith } }, { reference: { startsWith } }] });
  }

  async #repositories(where: Prisma.RepositoryWhereInput): Promise<RepositoryRecord[]> {
    const rows = await this.#database.run((client) =>
      client.repository.findMany({
        where,
        include: { _count: { select: { points: true } } },
        orderBy: { name: 'asc' },
      }),
    );
    return rows.map(({ name, kind, url, hostedByProvider, addedAt, scannedAt, _count }) => ({
      name,
      url,
      hostedByProvider,
      addedAt,
      scannedAt,
      kind: kind as RepositoryKind,
      points: _count.points,
    }));
  }

  async #machines(where: Prisma.MachineWhereInput): Promise<Machine[]> {
    const rows = await this.#database.run((client) =>
      client.machine.findMany({
        where,
        include: { _count: { select: { points: true } }, points: { orderBy: { takenAt: 'desc' }, take: 1 } },
        orderBy: [{ name: 'asc' }, { id: 'asc' }],
      }),
    );
    return rows.map(({ id, name, aliases, repositoryName, points, _count }) => ({
      id,
      name,
      aliases,
      repositoryName,
      points: _count.points,
      latestPointAt: points[0]?.takenAt ?? null,
      ...placesOf(points[0] === undefined ? [] : fromJson<readonly PointDisk[]>(points[0].disks)),
    }));
  }

  /** Newest first. */
  async #points(where: Prisma.RestorePointWhereInput): Promise<RestorePoint[]> {
    const rows = await this.#database.run((client) =>
      client.restorePoint.findMany({
        where,
        include: { machine: true },
        orderBy: [{ takenAt: 'desc' }, { id: 'asc' }],
      }),
    );
    return rows.map(toPoint);
  }
}

/** The machines of these points; what a machine is called is what its latest point says. */
function machinesOf(repositoryName: string, points: readonly DiscoveredPoint[]) {
  const oldestFirst = points.toSorted((a, b) => a.takenAt.getTime() - b.takenAt.getTime());
  const machines = new Map(
    oldestFirst.map((point) => {
      const id = machineId(repositoryName, point);
      const key = storableText(point.machineKey);
      return [
        id,
        { id, repositoryName, key, name: storableText(point.machineName), aliases: point.aliases.map(storableText) },
      ];
    }),
  );
  return [...machines.values()];
}

function machineId(repositoryName: string, point: DiscoveredPoint): string {
  const digest = createHash('sha256')
    .update(`${repositoryName}\n${storableText(point.machineKey)}`)
    .digest('hex');
  return `m-${digest.slice(0, 10)}`;
}

async function countsOf(
  client: Prisma.TransactionClient,
  repositoryName: string,
): Promise<{ machines: number; points: number }> {
  return {
    machines: await client.machine.count({ where: { repositoryName } }),
    points: await client.restorePoint.count({ where: { repositoryName } }),
  };
}

/** The points of a repository that restores use which have not ended. */
async function usersOf(
  client: Prisma.TransactionClient,
  repositoryName: string,
): Promise<readonly { restoreId: string; pointId: string }[]> {
  const points = await client.restorePoint.findMany({ where: { repositoryName }, select: { id: true } });
  const restores = await client.restore.findMany({
    where: { restorePointId: { in: points.map((point) => point.id) }, state: { in: GOING_ON } },
    select: { id: true, restorePointId: true },
  });
  return restores.map(({ id, restorePointId: pointId }) => ({ restoreId: id, pointId }));
}

async function lockRepository(client: Prisma.TransactionClient, name: string): Promise<boolean> {
  const rows = await client.$queryRaw<unknown[]>`SELECT 1 FROM "repository" WHERE "name" = ${name} FOR UPDATE`;
  return rows.length > 0;
}

function repositoryNotFound(name: string): NotFoundError {
  return new NotFoundError({
    code: 'REPOSITORY_NOT_FOUND',
    message: `There is no repository named ${name}.`,
    fix: 'List the repositories to see their names.',
  });
}
