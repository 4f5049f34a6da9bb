import type { Metrics } from '@landfall/observability';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import { METRICS } from '../tokens.js';
import { Readiness, type ReadinessAnswer } from './readiness.js';

/** What a service without an API of its own serves. */
@Controller()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(METRICS) private readonly metrics: Metrics,
  ) {}

  /** The process turns. */
  @Get('health/live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** It can do its work; otherwise 503, with the code of what is wrong with each of its needs. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessAnswer> {
    const answer = await this.readiness.look();
    if (answer.status !== 'ok') response.status(503);
    return answer;
  }

  @Get('metrics')
  async show(@Res({ passthrough: true }) response: Response): Promise<string> {
    const text = await this.metrics.registry.metrics();
    response.setHeader('content-type', this.metrics.registry.contentType);
    return text;
  }
}
