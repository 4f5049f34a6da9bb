import { Body, Controller, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ORPHANS, REMOVED_ORPHANS, type Orphan, type RemovedOrphans } from '@landfall/pipeline';
import type { Request } from 'express';
import { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Requires } from '../access/roles.js';
import { text } from '../http/text.js';
import { Answers } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';

const REMOVAL = z.strictObject({
  /** Only of these; left out: all that are removable. */
  azureIds: z.array(text(500)).max(1_000).optional(),
  /** Only says what would be removed. */
  dryRun: z.boolean().default(true),
});

const REMOVAL_ANSWER = REMOVED_ORPHANS.extend({ dryRun: z.boolean(), wouldRemove: z.array(z.string()) });

@ApiTags('operations')
@Controller('v1/orphans')
export class OrphansController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** What restores that have ended left in Azure, and what carries this appliance's tag without being in any ledger. */
  @Get()
  @Answers(ORPHANS, 'Orphans; an empty list is as it should be.')
  @Requires('viewer')
  list(): Promise<readonly Orphan[]> {
    return this.find();
  }

  /** Removes orphans that are in the ledger and carry our tags; a dry run unless `dryRun` is false. */
  @Post('remove')
  @Answers(REMOVAL_ANSWER, 'What was removed, or would be.')
  @HttpCode(200)
  @Requires('admin')
  async remove(
    @Body({ schema: REMOVAL }) body: z.infer<typeof REMOVAL>,
    @Req() request: Request,
  ): Promise<z.infer<typeof REMOVAL_ANSWER>> {
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
