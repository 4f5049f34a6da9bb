import { ROUTES } from '@landfall/contract';
import { Controller, Inject, Res } from '@nestjs/common';
import { isSettled, RESTORE_TRANSITIONS, type RestoreState } from '@landfall/domain';
import type { Response } from 'express';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';

const STATES = Object.keys(RESTORE_TRANSITIONS) as RestoreState[];
const JOB_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

@Controller()
export class MetricsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.readMetrics)
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
