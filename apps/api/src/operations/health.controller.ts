import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { checkReadiness, type Readiness } from '@landfall/observability';
import type { Response } from 'express';
import { Requires } from '../access/roles.js';
import { PORTS, type ApiPorts } from '../ports.js';

@ApiTags('operations')
@Controller('health')
export class HealthController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** The process answers. */
  @Get('live')
  @Requires('nobody')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** It can do its work: Postgres and Redis answer. Otherwise 503, with the code of what is wrong with each. */
  @Get('ready')
  @Requires('nobody')
  async ready(
    @Res({ passthrough: true }) response: Response,
  ): Promise<{ status: 'ok' | 'unavailable'; checks: Readiness['checks'] }> {
    const { ready, checks } = await checkReadiness(this.ports.checks);
    if (!ready) response.status(503).setHeader('Retry-After', '5');
    return { status: ready ? 'ok' : 'unavailable', checks };
  }
}
