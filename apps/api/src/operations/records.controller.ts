import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { AuditEntry, WorkerRecord } from '@landfall/domain';
import { z } from 'zod';
import { Requires } from '../access/roles.js';
import { Answers, AUDIT_ANSWER, WORKER_ANSWER } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { AUDIT_QUERY } from '../http/queries.js';

@ApiTags('operations')
@Controller('v1')
export class RecordsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** Worker VMs, retired ones included, with the data-movers that were seen on them. */
  @Get('workers')
  @Answers(z.array(WORKER_ANSWER), 'Workers.')
  @Requires('viewer')
  async workers(): Promise<readonly Omit<WorkerRecord, 'entered'>[]> {
    return (await this.ports.workers.workers()).map(({ entered: _entered, ...worker }) => worker);
  }

  /** Who did what. `chainVerified` says whether every entry still fits the one before it. */
  @Get('audit')
  @Answers(AUDIT_ANSWER, 'Entries, oldest first.')
  @Requires('viewer')
  async audit(
    @Query({ schema: AUDIT_QUERY }) query: z.infer<typeof AUDIT_QUERY>,
  ): Promise<{ entries: readonly AuditEntry[]; chainVerified: boolean; brokenAt: number | null }> {
    const [entries, chain] = await Promise.all([
      this.ports.audit.entries(query.after, query.limit),
      this.ports.audit.verify(),
    ]);
    return { entries, chainVerified: chain.brokenAt === null, brokenAt: chain.brokenAt };
  }
}
