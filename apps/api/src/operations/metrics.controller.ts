import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiProduces, ApiTags } from '@nestjs/swagger';
import { isSettled, RESTORE_TRANSITIONS, type RestoreState } from '@landfall/domain';
import type { Response } from 'express';
import { Requires } from '../access/roles.js';
import { PORTS, type ApiPorts } from '../ports.js';

const STATES = Object.keys(RESTORE_TRANSITIONS) as RestoreState[];
const JOB_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** For Prometheus. Restores that have not settled and the queues are counted at the moment of the scrape. */
  @Get()
  @Requires('viewer')
  @ApiProduces('text/plain')
  async metrics(@Res() response: Response): Promise<void> {
    const { registry } = this.ports.metrics;
    await Promise.all([this.countRestores(), this.countJobs()]);
    response.setHeader('Content-Type', registry.contentType);
    response.send(await registry.metrics());
  }

  private async countRestores(): Promise<void> {
    const moving = STATES.filter((state) => !isSettled(state) || state === 'needs-attention');
    const restores = await this.ports.books.restores({ states: moving });
    for (const state of moving) {
      this.ports.metrics.restores.set({ state }, restores.filter((restore) => restore.state === state).length);
    }
  }

  private async countJobs(): Promise<void> {
    this.ports.metrics.queueJobs.reset();
    for (const queue of await this.ports.queues()) {
      const counts = await queue.getJobCounts(...JOB_STATES);
      for (const state of JOB_STATES) {
        this.ports.metrics.queueJobs.set({ queue: queue.name, state }, counts[state] ?? 0);
      }
    }
  }
}
