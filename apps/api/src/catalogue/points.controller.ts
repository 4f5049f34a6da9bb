import { type InspectedPointView, INSPECTION, type PointView, RESTORE_POINTS_QUERY, ROUTES } from '@landfall/contract';
import { Controller, Inject, Param, Query } from '@nestjs/common';
import { type Machine, NotFoundError } from '@landfall/domain';
import type { z } from 'zod';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { findPoint } from './find-point.js';
import { viewOfPoint } from './point-view.js';

/** What can be restored: machines and their restore points, as the last scan of each repository found them. */
@Controller()
export class PointsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.listMachines)
  machines(): Promise<readonly Machine[]> {
    return this.ports.catalogue.machines();
  }

  @Serves(ROUTES.listRestorePoints)
  async points(
    @Query({ schema: RESTORE_POINTS_QUERY }) query: z.infer<typeof RESTORE_POINTS_QUERY>,
  ): Promise<PointView[]> {
    const { catalogue } = this.ports;
    const machineIds = query.machine === undefined ? undefined : await this.machineIds(query.machine);
    const [points, repositories] = await Promise.all([catalogue.points(machineIds), catalogue.repositories()]);
    const hosted = new Set(repositories.filter((one) => one.hostedByProvider).map((one) => one.name));
    return points.map((point) => viewOfPoint(point, hosted.has(point.repositoryName)));
  }

  @Serves(ROUTES.showRestorePoint)
  async point(@Param('id') id: string): Promise<InspectedPointView> {
    const point = await findPoint(this.ports.catalogue, id);
    const repository = await this.ports.catalogue.repository(point.repositoryName);
    const inspection = INSPECTION.nullable().safeParse(await this.ports.surveys.inspection(point.id));
    // One that an earlier version has noted in other words is as good as none.
    return { ...viewOfPoint(point, repository?.hostedByProvider ?? false), inspection: inspection.data ?? null };
  }

  private async machineIds(name: string): Promise<string[]> {
    const machines = await this.ports.catalogue.findMachines(name);
    if (machines.length === 0) {
      throw new NotFoundError({
        code: 'MACHINE_NOT_FOUND',
        message: `No machine has the id, name or alias "${name}".`,
        fix: 'List the machines with "landfall machine list"; rescan the repository if the backup is newer than its last scan.',
      });
    }
    return machines.map((machine) => machine.id);
  }
}
