import { ROUTES } from '@landfall/contract';
import { Readiness, type ReadinessAnswer } from '@landfall/service/health';
import { Controller, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Serves } from '../http/serves.js';

@Controller()
export class HealthController {
  constructor(@Inject(Readiness) private readonly readiness: Readiness) {}

  @Serves(ROUTES.isLive)
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Serves(ROUTES.isReady)
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessAnswer> {
    const answer = await this.readiness.look();
    if (answer.status !== 'ok') response.status(503).setHeader('Retry-After', '5');
    return answer;
  }
}
