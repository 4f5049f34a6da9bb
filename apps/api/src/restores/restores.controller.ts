import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { type LedgerEntry, NotFoundError, type Restore, type RestorePlan } from '@landfall/domain';
import { requestCancel, requestRestore, requestResume, requestRollback } from '@landfall/pipeline';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Requires } from '../access/roles.js';
import { findPoint } from '../catalogue/find-point.js';
import { Answers, PLAN_ANSWER, RESOURCE_ANSWER, RESTORE_ANSWER } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { findRestore } from './find-restore.js';
import { idempotencyKey, RESTORES_QUERY } from '../http/queries.js';
import { RESTORE_REQUEST, fingerprintOf } from './restore-request.js';
import { type RestoreView, viewOfRestore } from './restore-view.js';

@ApiTags('restores')
@Controller('v1/restores')
export class RestoresController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** Asks for a restore. It is planned first and ends in the state `refused` where the plan has an error. */
  @Post()
  @Answers(RESTORE_ANSWER, 'Asked for.', 201)
  @Requires('operator')
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The same key with the same body gives the restore that was made before, with status 200.',
  })
  async create(
    @Body({ schema: RESTORE_REQUEST }) body: z.infer<typeof RESTORE_REQUEST>,
    @Headers('idempotency-key') keyHeader: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RestoreView> {
    const { books, catalogue } = this.ports;
    const key = idempotencyKey(keyHeader);
    const point = await findPoint(catalogue, body.restorePointId);
    const { restoreId, created } = await requestRestore(books, {
      request: { ...body, restorePointId: point.id },
      requestedBy: actorOf(request),
      ...(key === null ? {} : { idempotency: { key, bodyHash: fingerprintOf(body) } }),
    });
    response.status(created ? 201 : 200).setHeader('Location', `/v1/restores/${restoreId}`);
    return viewOfRestore(await findRestore(books, restoreId));
  }

  /** Newest first. */
  @Get()
  @Answers(z.array(RESTORE_ANSWER), 'Restores, newest first.')
  @Requires('viewer')
  async list(@Query({ schema: RESTORES_QUERY }) query: z.infer<typeof RESTORES_QUERY>): Promise<RestoreView[]> {
    const restores = await this.ports.books.restores({
      limit: query.limit,
      ...(query.state === undefined ? {} : { states: query.state }),
    });
    return restores.map(viewOfRestore);
  }

  @Get(':id')
  @Answers(RESTORE_ANSWER, 'The restore.')
  @Requires('viewer')
  async show(@Param('id') id: string): Promise<RestoreView> {
    return viewOfRestore(await findRestore(this.ports.books, id));
  }

  @Get(':id/plan')
  @Answers(PLAN_ANSWER, 'Its plan.')
  @Requires('viewer')
  async plan(@Param('id') id: string): Promise<RestorePlan> {
    const restore = await findRestore(this.ports.books, id);
    if (restore.plan === null) throw notPlanned(restore);
    return restore.plan;
  }

  /** The ledger: every cloud resource that the restore intended to create. */
  @Get(':id/resources')
  @Answers(z.array(RESOURCE_ANSWER), 'Its ledger.')
  @Requires('viewer')
  async resources(@Param('id') id: string): Promise<readonly LedgerEntry[]> {
    const restore = await findRestore(this.ports.books, id);
    return this.ports.books.ledger(restore.id);
  }

  @Post(':id/cancel')
  @Answers(RESTORE_ANSWER, 'Taken down; the clean-up follows.', 202)
  @HttpCode(202)
  @Requires('operator')
  cancel(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestCancel);
  }

  @Post(':id/resume')
  @Answers(RESTORE_ANSWER, 'Going on.', 202)
  @HttpCode(202)
  @Requires('operator')
  resume(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestResume);
  }

  @Post(':id/rollback')
  @Answers(RESTORE_ANSWER, 'Rolling back.', 202)
  @HttpCode(202)
  @Requires('operator')
  rollback(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestRollback);
  }

  private async change(id: string, request: Request, ask: typeof requestCancel): Promise<RestoreView> {
    const { books } = this.ports;
    const restore = await findRestore(books, id);
    await ask(books, restore.id, actorOf(request));
    return viewOfRestore(await findRestore(books, restore.id));
  }
}

function notPlanned(restore: Restore): NotFoundError {
  return new NotFoundError({
    code: 'PLAN_NOT_MADE',
    message: `Restore ${restore.id} is ${restore.state} and has no plan.`,
    fix: restore.state === 'planning' ? 'Ask again in a moment.' : 'Its error says why it could not be planned.',
  });
}
