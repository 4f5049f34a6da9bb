import { type JobInHand } from '@landfall/domain';
import {
  handleJob,
  payloadOfJob,
  type QueueClient,
  QUEUES,
  type Reconciler,
  RunningRuns,
  runOutboxRelay,
  type OutboxRelay,
  runReconciler,
  type ServiceLog,
  type StepWork,
  withDeadline,
} from '@landfall/pipeline';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { z } from 'zod';
import { type Patience, QueueProcessor } from '../queue/index.js';

/** Jobs in hand at once. */
export const STEPS_AT_ONCE = 8;
const CLOSE_WITHIN_MS = 6_000;

export interface StepProcessorOptions extends StepWork {
  readonly queues: QueueClient;
  readonly log: ServiceLog;
  /** Runs with every pass of the reconciler. */
  readonly reconcileAlso?: () => Promise<void>;
}

/**
 * Takes jobs from a service's queue, runs the handler of the step that they name, records the outcome. Beside it run the
 * service's relay and its part of the reconciler.
 *
 * A run is told to stop (its signal) when the service shuts down, when the queue takes its job away because the lock was
 * lost, and when Postgres says that the run is no longer wanted: cancelled, or another run has its place.
 */
export abstract class StepProcessor extends QueueProcessor<unknown> implements OnApplicationBootstrap {
  readonly #work: StepProcessorOptions;
  readonly #runs: RunningRuns;
  #beside: { readonly relay: OutboxRelay; readonly reconciler: Reconciler } | null = null;

  protected readonly patience: readonly Patience[] = [
    {
      withinMs: CLOSE_WITHIN_MS,
      then: () =>
        this.#work.log.warn({}, 'Work was still under way at the end; it is taken up again by the next process.'),
    },
  ];

  protected constructor(work: StepProcessorOptions) {
    super(work.log);
    this.#work = work;
    this.#runs = new RunningRuns(work.books);
  }

  onApplicationBootstrap(): void {
    const { service, books, queues, reconcileAlso, log } = this.#work;
    const onError = (error: unknown): void => log.warn({ err: error }, 'Trying again soon.');
    this.#beside = {
      relay: runOutboxRelay(books, queues, onError),
      reconciler: runReconciler({
        ...{ books, queues, only: [QUEUES[service]], onError },
        ...(reconcileAlso ? { also: reconcileAlso } : {}),
      }),
    };
  }

  /** One pass of the reconciler now. */
  async reconcile(): Promise<void> {
    await this.#beside?.reconciler.reconcile();
  }

  override async beforeApplicationShutdown(): Promise<void> {
    const beside = Promise.allSettled([this.#beside?.reconciler.close(), this.#beside?.relay.close()]);
    await Promise.allSettled([super.beforeApplicationShutdown(), withDeadline(beside, CLOSE_WITHIN_MS)]);
    this.#runs.close();
  }

  protected override payloadOf(name: string): z.ZodType | null {
    return payloadOfJob(this.#work, name);
  }

  protected override handle({ name, payload, lost }: JobInHand<unknown>): Promise<unknown> {
    return handleJob(this.#work, this.#runs, { name, data: payload }, lost, this.#work.log);
  }

  protected override onLeaving(): void {
    this.#runs.stopAll();
  }
}
