import { Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { QUEUES } from '@landfall/pipeline';
import type { POOL_PLACE } from '@landfall/transfer';
import type { Request } from 'express';
import type { z } from 'zod';
import { Requires } from '../access/roles.js';
import { ForbiddenError } from '../errors/problem.js';
import { PORTS, type ApiPorts } from '../ports.js';

/** What data-movers of the pool ask for besides; libs/transfer's mover-protocol describes it. */
@Controller('internal/v1')
export class PoolController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** Where the pool takes its work from, with a user that all of it shares. */
  @Post('movers/place')
  @HttpCode(200)
  @Requires('data-mover')
  async place(@Req() { principal }: Request): Promise<z.infer<typeof POOL_PLACE>> {
    if (principal?.kind === 'worker') throw toldAtRegistration(principal.workerId);
    const redisUrl = await this.ports.doors.open('pool');
    return { redisUrl: redisUrl.reveal(), queue: QUEUES.moverPool, queuePrefix: this.ports.moverQueues.queuePrefix };
  }
}

function toldAtRegistration(workerId: string): ForbiddenError {
  return new ForbiddenError({
    code: 'NOT_ITS_OWN',
    message: `Worker ${workerId} has no business with the queue of the pool.`,
    fix: 'Take jobs from the queue that was told at the registration.',
  });
}
