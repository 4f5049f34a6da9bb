import {
  stepKey,
  stepOf,
  type ByteRange,
  type OutboxMessage,
  type Restore,
  type Segment,
  type Step,
  type StepId,
} from '@landfall/domain';
import { beginWork, recordOutcome, type StageOutput } from '@landfall/pipeline';
import {
  claimSegment,
  cutSegments,
  type ClaimDecision,
  enterReport,
  enterStart,
  type FailureCode,
  type FailureFacts,
  type SegmentResult,
  TRANSFER_JOB,
} from '@landfall/transfer';
import {
  aRestorePlan,
  aRestoreRequest,
  MemoryBooks,
  MemoryDiskAccesses,
  MemoryLeases,
  MemorySecretBox,
  MemoryWorkerRegistry,
  theContents,
} from '@landfall/testing';
import { createTransfer, type Transfer } from './index.js';

/*
 * For tests: a restore at the beginning of step 5, with books and queue in memory. The queue keeps to what BullMQ does:
 * a job is live while it waits or is in hand.
 */
export interface SceneDisk {
  readonly name: string;
  readonly sizeBytes: number;
  readonly extents: readonly ByteRange[];
}

export interface SceneOptions {
  readonly disks: readonly SceneDisk[];
  readonly verify?: 'none' | 'sampled' | 'full';
  readonly transfer?: 'worker' | 'direct';
  /** Disks by worker; the default is one worker with all. */
  readonly workers?: readonly (readonly string[])[];
}

export interface HeldJob {
  readonly message: OutboxMessage;
  readonly segment: Segment;
  readonly mover: string;
}

export const RESTORE_ID = 'rscene';

export class Scene {
  readonly books = new MemoryBooks();
  readonly registry = new MemoryWorkerRegistry();
  readonly accesses = new MemoryDiskAccesses();
  readonly leases = new MemoryLeases();
  readonly secrets = new MemorySecretBox();
  /** What was done to directly written disks, in order. */
  readonly cloudCalls: string[] = [];
  /** `diskState` in Azure, by name. */
  readonly diskStates = new Map<string, string>();
  /** What the next end of an access comes to. */
  failNextRevocation: Error | null = null;
  waiting: OutboxMessage[] = [];
  held: HeldJob[] = [];
  readonly transfer: Transfer;

  private constructor(private readonly options: SceneOptions) {
    this.transfer = this.anotherFinalizer();
  }

  /** The part of step 5 of one more finalizer, over the same books, Azure and queue. */
  anotherFinalizer(
    during: (call: string) => Promise<void> = async () => undefined,
    onError?: (restoreId: string, error: unknown) => void,
  ): Transfer {
    const { cloudCalls, diskStates } = this;
    const called = async (call: string): Promise<void> => {
      cloudCalls.push(call);
      await during(call);
    };
    return createTransfer({
      ...(onError === undefined ? {} : { onError }),
      books: this.books,
      workers: this.registry,
      leases: this.leases,
      jobs: { isLive: (queue, jobId) => this.#isLive(queue, jobId) },
      direct: {
        accesses: this.accesses,
        secrets: this.secrets,
        cloud: {
          reader: { disk: async (id) => ({ diskState: diskStates.get(id) ?? 'ReadyToUpload' }) as never },
          disks: {
            async grantWrite(id) {
              await called(`grant ${id}`);
              diskStates.set(id, 'ActiveUpload');
              return `https://disks.example/${id}?sig=secret`;
            },
            async grantRead(id) {
              await called(`grant reading ${id}`);
              diskStates.set(id, 'ActiveSAS');
              return `https://disks.example/${id}?sig=secret`;
            },
            revokeAccess: async (id) => {
              const { failNextRevocation } = this;
              this.failNextRevocation = null;
              if (failNextRevocation !== null) throw failNextRevocation;
              await called(`revoke ${id}`);
              diskStates.set(id, 'Unattached');
            },
          },
        },
        finishUpload: async (url, disk) => {
          await called(`footer ${new URL(url).pathname.slice(1)} ${disk.sizeBytes}`);
        },
      },
    });
  }

  static async begin(options: SceneOptions): Promise<Scene> {
    const scene = new Scene(options);
    await scene.#bringToStepFive();
    return scene;
  }

  async restore(): Promise<Restore> {
    return (await this.books.restore(RESTORE_ID))!;
  }

  async step(): Promise<Step> {
    return stepOf(await this.restore(), 'restore-data')!;
  }

  /** Runs step 5's job, if there is one, as its service does. */
  async runStep(): Promise<void> {
    const { epoch } = await this.step();
    const run = { restoreId: RESTORE_ID, work: 'restore-data', epoch } as const;
    const begun = await beginWork(this.books, run);
    if (begun === null) return;
    try {
      const outcome = await this.transfer.handler({
        restore: begun.restore,
        plan: begun.restore.plan!,
        epoch,
        journal: this.books.journal(RESTORE_ID, 'restore-data', epoch),
        signal: new AbortController().signal,
        outputOf: (step) => begun.restore.works.find((each) => each.id === step)!.output as StageOutput<typeof step>,
        event: (type, message, data) => this.books.transaction((tx) => tx.addEvent(RESTORE_ID, type, message, data)),
      });
      await recordOutcome(this.books, run, outcome);
    } catch (error) {
      await recordOutcome(this.books, run, { kind: 'failed', error });
    }
    await this.relay();
  }

  /** Brings what lies in the outbox to the queues; jobs of steps are left to `runStep`. */
  async relay(): Promise<void> {
    const messages = await this.books.claimOutbox(10_000);
    await this.books.outboxSent(messages.map((message) => message.id));
    this.waiting.push(...messages.filter((message) => message.name === 'segment'));
    for (const { name } of messages) if (name === TRANSFER_JOB) await this.transfer.goOn(RESTORE_ID);
    if (messages.length > 0) await this.relay();
  }

  /** A data-mover takes a job and claims its segment. */
  async take(position: number, mover: string, again = false): Promise<ClaimDecision | null> {
    const message = this.waiting[position % Math.max(1, this.waiting.length)];
    if (message === undefined) return null;
    if (!again) this.waiting = this.waiting.filter((other) => other !== message);
    const { segmentId, epoch } = message.payload as { segmentId: string; epoch: number };
    const decision = await claimSegment(this.books, { segmentId, epoch, mover, workerId: workerOf(message) });
    if (decision.kind === 'granted') this.held.push({ message, segment: decision.segment, mover });
    return decision;
  }

  async done(job: HeldJob, times = 1): Promise<void> {
    const numbers = { bytesWritten: job.segment.lengthBytes, bytesZero: 0, bytesRead: 0, milliseconds: 1 };
    for (let time = 0; time < times; time += 1) await this.report(job, { kind: 'done', ...numbers });
  }

  async failed(job: HeldJob, code: FailureCode, facts: FailureFacts = {}): Promise<boolean> {
    return this.report(job, { kind: 'failed', code, facts });
  }

  async givenBack(job: HeldJob): Promise<void> {
    await this.report(job, { kind: 'given-back', code: 'MOVER_STOPPED' });
  }

  /** Returns whether it counts. */
  async report({ message, segment, mover }: HeldJob, result: SegmentResult): Promise<boolean> {
    const report = { restoreId: RESTORE_ID, epoch: segment.epoch, mover, result };
    const counted = await enterReport(this.books, { workerId: workerOf(message) }, segment.id, report);
    this.held = this.held.filter((other) => other.segment.id !== segment.id || other.segment.epoch !== segment.epoch);
    await this.relay();
    return counted;
  }

  /** Its jobs are no longer live and nothing comes of them. */
  kill(mover: string): void {
    this.held = this.held.filter((job) => job.mover !== mover);
  }

  async started(mover: string, workerId: string | null = 'w0'): Promise<void> {
    await enterStart(this.books, { workerId }, mover);
    await this.relay();
  }

  async reconcile(): Promise<void> {
    await this.transfer.reconcile();
    await this.relay();
  }

  /** Takes and finishes everything that comes, until nothing more does. */
  async workOff(mover = 'm/1'): Promise<void> {
    while (this.waiting.length > 0 || this.held.length > 0) {
      while (this.waiting.length > 0) await this.take(0, mover);
      for (const job of [...this.held]) await this.done(job);
    }
  }

  async #isLive(queue: string, jobId: string): Promise<boolean> {
    const live = [...this.waiting, ...this.held.map((job) => job.message)];
    return live.some((message) => message.queue === queue && message.jobId === jobId);
  }

  async #bringToStepFive(): Promise<void> {
    const { disks, verify = 'none', transfer = 'worker' } = this.options;
    const workers = this.options.workers ?? [disks.map((disk) => disk.name)];
    const template = aRestorePlan();
    const plan = {
      ...template,
      disks: disks.map((disk) => ({
        ...template.disks[0]!,
        name: disk.name,
        from: `disk:${disk.name}` as const,
        sizeBytes: disk.sizeBytes,
      })),
      options: { ...template.options, verify, transfer },
    };
    const extentsOf = (name: string) => disks.find((disk) => disk.name === name)?.extents ?? [];
    const contents = theContents(plan, ({ name, sizeBytes }) => cutSegments(extentsOf(name), sizeBytes));
    const launched = workers.map((names, number) => ({
      workerId: `w${number}`,
      azureId: `/vms/w${number}`,
      disks: names.map((name, lun) => ({ name, lun })),
    }));
    const outputs: Partial<Record<StepId, unknown>> = {
      'launch-worker': { workers: transfer === 'direct' ? [] : launched },
    };
    await this.books.transaction(async (tx) => {
      await tx.createRestore({ id: RESTORE_ID, request: aRestoreRequest({ verify, transfer }), requestedBy: 'test' });
      await tx.storePlan(RESTORE_ID, plan);
      await tx.storeContents(RESTORE_ID, contents, []);
      for (const disk of disks) await tx.setDiskAzureId(RESTORE_ID, disk.name, disk.name);
      await tx.moveRestore(RESTORE_ID, { from: 'planning', epoch: 0 }, 'running');
      const earlier = template.steps.slice(
        0,
        template.steps.findIndex((step) => step.id === 'restore-data'),
      );
      for (const { id, applies } of earlier) {
        const guard = { from: 'pending', epoch: 0 } as const;
        if (!applies) await tx.moveWork(RESTORE_ID, stepKey(id), guard, 'skipped');
        else {
          await tx.moveWork(RESTORE_ID, stepKey(id), guard, 'running');
          await tx.moveWork(RESTORE_ID, stepKey(id), { from: 'running', epoch: 0 }, 'done', {
            output: outputs[id] ?? {},
          });
        }
      }
      await tx.moveWork(RESTORE_ID, stepKey('restore-data'), { from: 'pending', epoch: 0 }, 'pending', { epoch: 1 });
    });
    for (const { workerId } of launched) {
      await this.registry.enter({
        id: workerId,
        restoreId: RESTORE_ID,
        azureId: `/vms/${workerId}`,
        disks: [],
        bootstrapTokenHash: '00',
        bootstrapSeconds: 0,
      });
    }
  }
}

function workerOf({ queue }: OutboxMessage): string | null {
  return /^mover-worker-(.+)$/.exec(queue)?.[1] ?? null;
}
