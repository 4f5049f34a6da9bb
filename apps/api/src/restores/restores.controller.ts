import {
  APPROVAL,
  DAMAGED_RANGE,
  type DamagedRangeView,
  faultsOf,
  RESTORE_REQUEST,
  RESTORES_QUERY,
  type RestoreView,
  ROUTES,
} from '@landfall/contract';
import { Body, Controller, Headers, Inject, Param, Query, Req, Res } from '@nestjs/common';
import {
  isDamage,
  type LedgerEntry,
  NotFoundError,
  PermanentError,
  type Restore,
  type RestorePlan,
  standingBehind,
} from '@landfall/domain';
import {
  requestApproval,
  requestCancel,
  requestPurge,
  requestRestore,
  requestResume,
  requestRollback,
} from '@landfall/pipeline';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { findPoint } from '../catalogue/find-point.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { findRestore } from './find-restore.js';
import { fingerprintOf } from './fingerprint.js';
import { idempotencyKey } from './idempotency-key.js';
import { viewOfRestore } from './restore-view.js';

type ShownResource = Pick<LedgerEntry, 'azureId' | 'kind' | 'role' | 'state' | 'createdAt'>;

@Controller()
export class RestoresController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.createRestore)
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

  @Serves(ROUTES.listRestores)
  async list(@Query({ schema: RESTORES_QUERY }) query: z.infer<typeof RESTORES_QUERY>): Promise<RestoreView[]> {
    const restores = await this.ports.books.restores({
      limit: query.limit,
      ...(query.state === undefined ? {} : { states: query.state }),
    });
    return restores.map(viewOfRestore);
  }

  @Serves(ROUTES.showRestore)
  async show(@Param('id') id: string): Promise<RestoreView> {
    return viewOfRestore(await findRestore(this.ports.books, id));
  }

  @Serves(ROUTES.showRestorePlan)
  async plan(@Param('id') id: string): Promise<RestorePlan> {
    const restore = await findRestore(this.ports.books, id);
    if (restore.plan === null) throw notPlanned(restore);
    return restore.plan;
  }

  @Serves(ROUTES.showRestoreDamage)
  async damage(@Param('id') id: string): Promise<DamagedRangeView[]> {
    const restore = await findRestore(this.ports.books, id);
    if (restore.error === null || !isDamage(restore.error.code)) return [];
    const damage = await this.ports.planner.damage(restore.id);
    const faults = faultsOf(z.array(DAMAGED_RANGE), damage);
    if (faults.length > 0) throw unreadableDamage(faults);
    return damage as DamagedRangeView[];
  }

  @Serves(ROUTES.listRestoreResources)
  async resources(@Param('id') id: string): Promise<readonly ShownResource[]> {
    const restore = await findRestore(this.ports.books, id);
    const ledger = await this.ports.books.ledger(restore.id);
    return ledger.map(({ azureId, kind, role, state, createdAt }) => ({ azureId, kind, role, state, createdAt }));
  }

  @Serves(ROUTES.cancelRestore)
  cancel(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestCancel);
  }

  @Serves(ROUTES.resumeRestore)
  resume(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestResume);
  }

  @Serves(ROUTES.rollbackRestore)
  rollback(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    return this.change(id, request, requestRollback);
  }

  @Serves(ROUTES.approveRestore)
  async approve(
    @Param('id') id: string,
    @Body({ schema: APPROVAL }) { planHash }: z.infer<typeof APPROVAL>,
    @Req() request: Request,
  ): Promise<RestoreView> {
    const { books, tokens, selfApproval } = this.ports;
    const restore = await findRestore(books, id);
    const actor = actorOf(request);
    const behind = standingBehind(actor, await tokens.list());
    await requestApproval(books, restore.id, actor, { planHash, behind, selfApproval });
    return viewOfRestore(await findRestore(books, restore.id));
  }

  @Serves(ROUTES.purgeRestore)
  async purge(@Param('id') id: string, @Req() request: Request): Promise<RestoreView> {
    const { tokens, selfApproval } = this.ports;
    const behind = standingBehind(actorOf(request), await tokens.list());
    return this.change(id, request, (books, restoreId, actor) =>
      requestPurge(books, restoreId, actor, { selfApproval, behind }),
    );
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

function unreadableDamage(faults: readonly string[]): PermanentError {
  return new PermanentError({
    code: 'DAMAGE_UNREADABLE',
    message: `What the planner says of the damage can't be understood (${faults.join('; ')}).`,
    fix: 'Run all services in the same version.',
  });
}
