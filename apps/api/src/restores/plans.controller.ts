import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Requires } from '../access/roles.js';
import { findPoint } from '../catalogue/find-point.js';
import { Answers, PLAN_ANSWER } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { RESTORE_REQUEST } from './restore-request.js';

@ApiTags('restores')
@Controller('v1/restore-plans')
export class PlansController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** A dry run: what a restore with this body would do. Changes nothing; a plan that is refused comes back as well. */
  @Post()
  @Answers(PLAN_ANSWER, 'The plan, also when it is refused: its problems say why.')
  @HttpCode(200)
  @Requires('operator')
  async plan(@Body({ schema: RESTORE_REQUEST }) body: z.infer<typeof RESTORE_REQUEST>): Promise<unknown> {
    const point = await findPoint(this.ports.catalogue, body.restorePointId);
    return this.ports.planner.dryRun({ ...body, restorePointId: point.id });
  }
}
