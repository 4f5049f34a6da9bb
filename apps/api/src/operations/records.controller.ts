import { AUDIT_QUERY, ROUTES } from '@landfall/contract';
import { Controller, Inject, Query } from '@nestjs/common';
import type { AuditEntry, WorkerRecord } from '@landfall/domain';
import type { z } from 'zod';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';

@Controller()
export class RecordsController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.listWorkers)
  async workers(): Promise<readonly Omit<WorkerRecord, 'entered'>[]> {
    return (await this.ports.workers.workers()).map(({ entered: _entered, ...worker }) => worker);
  }

  @Serves(ROUTES.readAuditLog)
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
