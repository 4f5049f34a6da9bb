import { ORPHANS_REMOVAL, type RemovedOrphansView, ROUTES } from '@landfall/contract';
import { Body, Controller, Inject, Req } from '@nestjs/common';
import { ORPHANS, REMOVED_ORPHANS, type Orphan, type RemovedOrphans } from '@landfall/pipeline';
import type { Request } from 'express';
import type { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';

@Controller()
export class OrphansController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.listOrphans)
  list(): Promise<readonly Orphan[]> {
    return this.find();
  }

  @Serves(ROUTES.removeOrphans)
  async remove(
    @Body({ schema: ORPHANS_REMOVAL }) body: z.infer<typeof ORPHANS_REMOVAL>,
    @Req() request: Request,
  ): Promise<RemovedOrphansView> {
    const wanted = body.azureIds && new Set(body.azureIds.map((id) => id.toLowerCase()));
    const removable = (await this.find())
      .filter((orphan) => orphan.removable && (!wanted || wanted.has(orphan.azureId.toLowerCase())))
      .map((orphan) => orphan.azureId);
    if (body.dryRun || removable.length === 0) {
      return { dryRun: body.dryRun, wouldRemove: removable, removed: [], kept: [] };
    }
    const actor = actorOf(request);
    await this.ports.audit.append({ actor, action: 'orphans.remove', subject: 'azure', details: { removable } });
    const result: RemovedOrphans = REMOVED_ORPHANS.parse(await this.ports.finalizer.removeOrphans(removable));
    return { dryRun: false, wouldRemove: [], ...result };
  }

  private async find(): Promise<readonly Orphan[]> {
    return ORPHANS.parse(await this.ports.finalizer.orphans());
  }
}
