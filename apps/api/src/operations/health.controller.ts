import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Readiness, type ReadinessAnswer } from '@landfall/service/health';
import type { Response } from 'express';
import { Requires } from '../access/roles.js';

@ApiTags('operations')
@Controller('health')
export class HealthController {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  /** The process answers. */
  @Get('live')
  @Requires('nobody')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** It can do its work: Postgres and Redis answer. Otherwise 503, with the code of what is wrong with each. */
  @Get('ready')
  @Requires('nobody')
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessAnswer> {
    const answer = await this.readiness.look();
    if (answer.status !== 'ok') response.status(503).setHeader('Retry-After', '5');
    return answer;
  }
}
