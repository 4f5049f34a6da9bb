import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Machine, NotFoundError } from '@landfall/domain';
import { z } from 'zod';
import { Requires } from '../access/roles.js';
import { text } from '../http/text.js';
import { Answers, MACHINE_ANSWER, POINT_ANSWER } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { findPoint } from './find-point.js';
import { type PointView, viewOfPoint } from './point-view.js';

const OF_MACHINE = z.strictObject({ machine: text(300).optional() });

/** What can be restored: machines and their restore points, as the last scan of each repository found them. */
@ApiTags('machines and restore points')
@Controller('v1')
export class PointsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Get('machines')
  @Answers(z.array(MACHINE_ANSWER), 'All machines of all repositories.')
  @Requires('viewer')
  machines(): Promise<readonly Machine[]> {
    return this.ports.catalogue.machines();
  }

  /** All points, or those of the machines with this id, name or alias. */
  @Get('restore-points')
  @Answers(z.array(POINT_ANSWER), 'Restore points.')
  @Requires('viewer')
  async points(@Query({ schema: OF_MACHINE }) query: z.infer<typeof OF_MACHINE>): Promise<PointView[]> {
    const { catalogue } = this.ports;
    const machineIds = query.machine === undefined ? undefined : await this.machineIds(query.machine);
    const [points, repositories] = await Promise.all([catalogue.points(machineIds), catalogue.repositories()]);
    const hosted = new Set(repositories.filter((one) => one.hostedByProvider).map((one) => one.name));
    return points.map((point) => viewOfPoint(point, hosted.has(point.repositoryName)));
  }

  @Get('restore-points/:id')
  @Answers(POINT_ANSWER, 'The restore point.')
  @Requires('viewer')
  async point(@Param('id') id: string): Promise<PointView> {
    const point = await findPoint(this.ports.catalogue, id);
    const repository = await this.ports.catalogue.repository(point.repositoryName);
    return viewOfPoint(point, repository?.hostedByProvider ?? false);
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
