import { ROUTES } from '@landfall/contract';
import { Controller, Inject, Res } from '@nestjs/common';
import { checkReadiness, type Readiness } from '@landfall/observability';
import type { Response } from 'express';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';

@Controller()
export class HealthController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.isLive)
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Serves(ROUTES.isReady)
  async ready(
    @Res({ passthrough: true }) response: Response,
  ): Promise<{ status: 'ok' | 'unavailable'; checks: Readiness['checks'] }> {
    const { ready, checks } = await checkReadiness(this.ports.checks);
    if (!ready) response.status(503).setHeader('Retry-After', '5');
    return { status: ready ? 'ok' : 'unavailable', checks };
  }
}
