import { setTimeout as pause } from 'node:timers/promises';
import type { AzureConnection } from './connection.js';
import { operationUrl } from './poller-state.js';

/*
 * Waiting for a long-running operation: as long before the first poll, and between two, as Azure asks for (`Retry-After`); where it names no
 * time, at first a moment and then twice as long each time, so that a short operation is not waited for in vain and a
 * long one does not eat up the budget of reads.
 */

/** The part of the clients' pollers that is used. */
export interface Poller<R = unknown> {
  readonly isDone: boolean;
  readonly result: R | undefined;
  submitted(): Promise<void>;
  serialize(): Promise<string>;
  poll(options?: { abortSignal?: AbortSignal }): Promise<unknown>;
}

/** A call whose answer is its end: Azure makes no operation of it, and nothing of it can be resumed. */
export function atOnce(call: () => Promise<unknown>): Poller {
  const answer = call();
  return {
    isDone: true,
    result: undefined,
    submitted: async () => void (await answer),
    serialize: () => Promise.reject(new Error('There is no operation to resume.')),
    poll: () => answer,
  };
}

/**
 * A call that is made past a client, whose operation that client waits for.
 * @param call gives the state to wait with; null: its answer was its end
 */
export function handedOver(call: () => Promise<string | null>, resume: (pollerState: string) => Poller): Poller {
  let accepted: { readonly state: string; readonly poller: Poller } | null = null;
  let isAnswered = false;
  const answer = call().then((state) => {
    accepted = state === null ? null : { state, poller: resume(state) };
    isAnswered = true;
    return accepted;
  });
  answer.catch(() => undefined);
  return {
    get isDone() {
      return isAnswered && (accepted === null || accepted.poller.isDone);
    },
    result: undefined,
    submitted: async () => void (await answer),
    serialize: async () => (await answer)?.state ?? '{}',
    poll: async (options) => (await answer)?.poller.poll(options),
  };
}

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 5_000;

/**
 * @throws AbortError, the client's RestError when a poll goes wrong, a plain Error when the operation failed or was canceled
 */
export async function pollToEnd(
  poller: Poller,
  connection: Pick<AzureConnection, 'advisedWait'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await poller.submitted();
  const url = operationUrl(await poller.serialize());
  const wait = (milliseconds: number): Promise<void> =>
    pause(milliseconds, undefined, signal === undefined ? {} : { signal });
  const advised = (): number => (url === null ? 0 : connection.advisedWait(url));
  if (!poller.isDone) await wait(advised());
  for (let waitMs = FIRST_WAIT_MS; !poller.isDone; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    await poller.poll(signal === undefined ? {} : { abortSignal: signal });
    if (poller.isDone) return;
    await wait(advised() || waitMs);
  }
}
