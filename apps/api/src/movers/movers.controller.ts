import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ConflictError, NotFoundError, PermanentError, type Secret, type Segment } from '@landfall/domain';
import { workerQueue } from '@landfall/pipeline';
import {
  CLAIM,
  claimSegment,
  enterReport,
  enterStart,
  failureKind,
  grantOf,
  type Held,
  HEARTBEAT,
  LEASE,
  type LEASED,
  POOL,
  type PROLONGED,
  refuseForGood,
  REGISTER,
  type REGISTERED,
  REPORT,
  type Report,
  type REPORTED,
  type SegmentGrant,
  writerLease,
} from '@landfall/transfer';
import type { Request } from 'express';
import type { z } from 'zod';
import { type Principal, Requires } from '../access/roles.js';
import { hashOf } from '../access/session.js';
import { ForbiddenError, UnauthenticatedError } from '../errors/problem.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { accessToRepository } from './repository-access.js';
import { newSession, SESSION_SECONDS } from './worker-session.js';

/** What data-movers ask for; libs/transfer's mover-protocol describes it. */
@Controller('internal/v1')
export class MoversController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  /** Exchanges a worker's one-time bootstrap token for a session. */
  @Post('workers/:id/register')
  @HttpCode(200)
  @Requires('nobody')
  async register(
    @Param('id') id: string,
    @Body({ schema: REGISTER.strict() }) body: z.infer<typeof REGISTER>,
  ): Promise<z.infer<typeof REGISTERED>> {
    // Before the token is spent.
    this.ports.doors.assertAvailable();
    const session = newSession(body.sessionToken);
    const worker = await this.ports.workers.redeemBootstrap(id, hashOf(body.bootstrapToken), session);
    if (worker === null) {
      throw new UnauthenticatedError('The bootstrap token is not valid: it is unknown, used, or has expired.');
    }
    const redisUrl = await this.openDoor(id);
    await this.ports.workers.heartbeat(id, body.mover);
    const { queuePrefix, concurrency } = this.ports.moverQueues;
    return {
      sessionToken: session.token,
      validSeconds: session.validSeconds,
      redisUrl: redisUrl.reveal(),
      queuePrefix,
      queue: workerQueue(id),
      concurrency,
    };
  }

  @Post('workers/:id/heartbeat')
  @HttpCode(200)
  @Requires('data-mover')
  async heartbeat(
    @Param('id') id: string,
    @Body({ schema: HEARTBEAT.strict() }) body: z.infer<typeof HEARTBEAT>,
    @Req() request: Request,
  ): Promise<z.infer<typeof PROLONGED>> {
    const { principal } = request;
    if (principal?.kind !== 'worker' || principal.workerId !== id) throw notItsOwn(`worker ${id}`);
    if (!(await this.ports.workers.renewSession(principal.tokenHash, SESSION_SECONDS))) {
      throw sessionEnded();
    }
    await this.ports.workers.heartbeat(id, body.mover);
    return { validSeconds: SESSION_SECONDS };
  }

  /** Begins a data-mover's time to write. It holds the lock of its name: whoever had the name before is gone. */
  @Post('movers/lease')
  @HttpCode(200)
  @Requires('data-mover')
  async lease(
    @Body({ schema: LEASE.strict() }) { mover }: z.infer<typeof LEASE>,
    @Req() request: Request,
  ): Promise<z.infer<typeof LEASED>> {
    const { leaseSeconds } = this.ports.moverQueues;
    await this.ports.leases.takeOver(writerLease(siteOf(request.principal), mover), mover, leaseSeconds);
    return { leaseMs: leaseSeconds * 1000 };
  }

  @Post('movers/renew')
  @HttpCode(200)
  @Requires('data-mover')
  async renew(
    @Body({ schema: LEASE.strict() }) { mover }: z.infer<typeof LEASE>,
    @Req() request: Request,
  ): Promise<z.infer<typeof LEASED>> {
    const { leaseSeconds } = this.ports.moverQueues;
    const name = writerLease(siteOf(request.principal), mover);
    if (!(await this.ports.leases.renew(name, mover, leaseSeconds))) throw leaseLost(mover);
    return { leaseMs: leaseSeconds * 1000 };
  }

  /** All that it had in hand has ended. */
  @Post('movers/leave')
  @HttpCode(200)
  @Requires('data-mover')
  async leave(
    @Body({ schema: LEASE.strict() }) { mover }: z.infer<typeof LEASE>,
    @Req() request: Request,
  ): Promise<{ left: boolean }> {
    return { left: await this.ports.leases.release(writerLease(siteOf(request.principal), mover), mover) };
  }

  @Post('segments/:id/claim')
  @HttpCode(200)
  @Requires('data-mover')
  async claim(
    @Param('id') id: string,
    @Body({ schema: CLAIM.strict() }) body: z.infer<typeof CLAIM>,
    @Req() request: Request,
  ): Promise<SegmentGrant | Held> {
    const { books } = this.ports;
    const segment = await books.segment(id);
    if (segment === null) throw unknownSegment(id);
    const { principal } = request;
    const lun = await this.mayClaim(principal, segment);
    const { epoch, mover, gone = [] } = body;
    const isWanted = segment.epoch === epoch && (segment.state === 'pending' || segment.state === 'running');
    const grant = isWanted ? await this.prepare(segment, lun) : null;
    const decision = await claimSegment(
      books,
      { segmentId: id, epoch, mover, workerId: workerOf(principal) },
      { leases: this.ports.leases, claim: { site: siteOf(principal), mover, gone } },
    );
    if (decision.kind === 'done') throw dropJob('SEGMENT_DONE', `Segment ${id} is finished.`);
    if (decision.kind === 'lost') throw leaseLost(mover);
    if (decision.kind === 'held') {
      const { by: heldBy, expired, segment: now } = decision;
      const held = await books.latestGrant(id, heldBy);
      return { restoreId: now.restoreId, heldBy, expired, epoch: held?.epoch ?? now.epoch };
    }
    if (decision.kind === 'stale' || grant === null) throw stale(id);
    return { ...grant, epoch: decision.segment.epoch };
  }

  /** What came of a grant. Repeated until it is answered; the same one again changes nothing. */
  @Post('segments/:id/report')
  @HttpCode(200)
  @Requires('data-mover')
  async report(
    @Param('id') id: string,
    @Body({ schema: REPORT }) body: Report,
    @Req() request: Request,
  ): Promise<z.infer<typeof REPORTED>> {
    const { principal } = request;
    const { result } = body;
    const isVerdict = result.kind === 'failed' && failureKind(result.code) === 'verdict';
    // What a worker has found out about a disk is a fact, also once it was replaced; whatever else it says is void.
    if (principal?.kind === 'worker' && principal.ended && !isVerdict) throw sessionEnded();
    return { counted: await enterReport(this.ports.books, { workerId: workerOf(principal) }, id, body) };
  }

  /** The process that had this name before is gone. */
  @Post('movers/started')
  @HttpCode(200)
  @Requires('data-mover')
  async started(
    @Body({ schema: LEASE.strict() }) { mover }: z.infer<typeof LEASE>,
    @Req() request: Request,
  ): Promise<Record<string, never>> {
    await enterStart(this.ports.books, { workerId: workerOf(request.principal) }, mover);
    return {};
  }

  /** A claim that can never be granted ends the restore: to the data-mover it is one that nobody wants any more. */
  private async prepare(segment: Segment, lun: number | null): Promise<Omit<SegmentGrant, 'epoch'>> {
    try {
      const repositoryAccess = (name: string) => accessToRepository(this.ports, name, segment.restoreId);
      return await grantOf({ ...this.ports, repositoryAccess }, segment, lun);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      await refuseForGood(this.ports.books, segment, error);
      throw stale(segment.id);
    }
  }

  /** Whoever retires a worker shuts its door afterwards, which may have been before it was opened here. */
  private async openDoor(workerId: string): Promise<Secret> {
    const { doors, workers } = this.ports;
    const url = await doors.open({ workerId });
    if ((await workers.worker(workerId))?.state === 'ready') return url;
    await doors.shut(workerId);
    throw new UnauthenticatedError('The worker was retired while it registered.');
  }

  /**
   * A worker may claim what is to be written to the disks attached to it, a mover of the pool what is written directly.
   * @returns the disk's LUN on the worker; null for the pool
   */
  private async mayClaim(principal: Principal | undefined, segment: Segment): Promise<number | null> {
    if (principal?.kind === 'worker') {
      const worker = await this.ports.workers.worker(principal.workerId);
      const lun = worker?.restoreId === segment.restoreId ? worker.disks.indexOf(segment.diskName) : -1;
      if (lun < 0) throw notItsOwn(`segment ${segment.id}`);
      return lun;
    }
    const plan = await this.ports.books.plan(segment.restoreId);
    if (plan?.options.transfer !== 'direct') throw notItsOwn(`segment ${segment.id}`);
    return null;
  }
}

/** Where a data-mover runs. */
function siteOf(principal: Principal | undefined): string {
  return principal?.kind === 'worker' ? principal.workerId : POOL;
}

/** Null: one of the pool. */
function workerOf(principal: Principal | undefined): string | null {
  return principal?.kind === 'worker' ? principal.workerId : null;
}

function sessionEnded(): UnauthenticatedError {
  return new UnauthenticatedError("The worker's session has ended.");
}

function stale(segmentId: string): ConflictError {
  return dropJob('SEGMENT_STALE', `Segment ${segmentId} is not wanted under this epoch.`);
}

function leaseLost(mover: string): ConflictError {
  return new ConflictError({
    code: 'LEASE_LOST',
    message: `The lease of the data-mover ${mover} has run out, or is another's.`,
    fix: 'End at once; whoever runs the data-mover starts it again.',
  });
}

function unknownSegment(id: string): NotFoundError {
  return new NotFoundError({
    code: 'SEGMENT_NOT_FOUND',
    message: `There is no segment ${id}.`,
    fix: 'Drop the job.',
  });
}

function dropJob(code: 'SEGMENT_DONE' | 'SEGMENT_STALE', message: string): ConflictError {
  return new ConflictError({ code, message, fix: 'Drop the job.' });
}

function notItsOwn(what: string): ForbiddenError {
  return new ForbiddenError({
    code: 'NOT_ITS_OWN',
    message: `This data-mover has no business with ${what}.`,
    fix: 'Claim only what comes through the queue that was told at the registration.',
  });
}
