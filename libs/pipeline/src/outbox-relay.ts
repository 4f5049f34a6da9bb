import type { JobQueues, RestoreBooks } from '@landfall/domain';

/*
 * Carries jobs from the outbox in Postgres to the queues in Redis. Each row is claimed for a while, added under its own
 * job id and then struck off. A relay that dies in between leaves a row that another one adds again, and the queue
 * passes over an id that it has: a job may be added late, never lost and never twice.
 *
 * Any number of relays may run. Each is nudged by the commits of its own process, so that a hand-over takes
 * milliseconds, and looks by itself now and then for what others left behind.
 */
const LOOK_EVERY_MS = 500;
const AFTER_FAILURE_MS = 1_000;
const BATCH = 100;

export interface OutboxRelay {
  /** Carries over what is there, and returns when nothing is left. For tests and for shutdown. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export function runOutboxRelay(
  books: RestoreBooks,
  queues: Pick<JobQueues, 'enqueue'>,
  onError: (error: unknown) => void = () => undefined,
  { lookEveryMs = LOOK_EVERY_MS }: { readonly lookEveryMs?: number } = {},
): OutboxRelay {
  let closed = false;
  let running: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    clearTimeout(timer);
    if (closed) return;
    if (running) {
      again = true;
      return;
    }
    running = carryAll(books, queues)
      .then(
        () => lookEveryMs,
        (error: unknown) => {
          onError(error);
          return AFTER_FAILURE_MS;
        },
      )
      .then((pauseMs) => {
        running = null;
        if (closed) return;
        if (again) {
          again = false;
          look();
        } else {
          timer = setTimeout(look, pauseMs);
        }
      });
  }

  const stopListening = books.onOutbox(look);
  look();
  return {
    drain: () => carryAll(books, queues),
    async close() {
      closed = true;
      stopListening();
      clearTimeout(timer);
      await running;
    },
  };
}

async function carryAll(books: RestoreBooks, queues: Pick<JobQueues, 'enqueue'>): Promise<void> {
  for (;;) {
    const messages = await books.claimOutbox(BATCH);
    if (messages.length === 0) return;
    await Promise.all(messages.map((message) => queues.enqueue(message)));
    await books.outboxSent(messages.map((message) => message.id));
    if (messages.length < BATCH) return;
  }
}
