import { setTimeout as pause } from 'node:timers/promises';
import { LandfallError, RetryableError, WaitingError, type CallIntent, type CallJournal } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { operationUrl, resumable } from './poller-state.js';
import { pollToEnd, type Poller } from './polling.js';
import { answerOf, bodyError, fromAzure, interrupted, isAbort, isNotFound, refusal } from './errors.js';

/*
 * The one way in which Azure is changed, repeatable from every point at which a process may die:
 *
 *   1. write the intent into the journal (and the ledger);
 *   2. an earlier try has left a poller's state: wait for that operation, call nothing; was it asked for with another body,
 *      because a setting has changed since, its failure is not the end;
 *   3. look (GET): what is wanted is there already, and ours → adopt it; an operation is under way → wait and look again;
 *   4. call; store the poller's state before the first poll;
 *   5. wait for the operation's end; a failed one is asked for its code, because the client drops it;
 *   6. look again until Azure shows what was asked for; write the end into the journal.
 *
 * Whatever error a call ends in, step 3 decides: the client repeats lost calls by itself, so even a refusal may be the
 * echo of a call that had its effect.
 */

/** What a look at Azure shows. */
export type Finding<T> =
  /** As it should be. */
  | { readonly state: 'done'; readonly value: T }
  /** The call has to be made. */
  | { readonly state: 'needed' }
  /** An operation on it is under way. */
  | { readonly state: 'busy' };

export interface Change<T> {
  /** Such as `create the disk "web-os-r1"`: completes "Azure did not …". */
  readonly doing: string;
  readonly intent: CallIntent;
  /** Azure's own number for what was made, where that is of use. */
  instanceOf?(value: T): string;
  /** @throws LandfallError when what is there is not ours, or contradicts what is wanted */
  look(): Promise<Finding<T>>;
  send(): Poller;
  resume(pollerState: string): Poller;
}

export interface Performer {
  readonly connection: Pick<AzureConnection, 'get' | 'advisedWait'>;
  readonly journal: CallJournal;
  readonly signal?: AbortSignal | undefined;
}

/** Between looks at something that another operation is changing; the wait grows from the first to the longest. */
const FIRST_BUSY_WAIT_MS = 25;
const LONGEST_BUSY_WAIT_MS = 2_000;
const BUSY_LOOKS = 150;
/** Azure may need some seconds to show what it has just made. */
const SETTLE_DELAYS_MS = [0, 50, 200, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000];

export async function perform<T>(change: Change<T>, performer: Performer): Promise<T> {
  const { journal } = performer;
  const entry = await journal.begin(change.intent);
  if (entry.state === 'submitted' && entry.pollerState !== null) {
    const failure = await outcome(change, change.resume(entry.pollerState), entry.pollerState, performer);
    if (failure !== null && !entry.hasOtherBody) throw failure;
  }
  const before = await lookUntilIdle(change, performer);
  if (before.state === 'done') return succeeded(change, before.value, performer);
  if (entry.hasOtherBody) await beginAnew(change, performer);

  return succeeded(change, await callAndWait(change, performer), performer);
}

async function succeeded<T>(change: Change<T>, value: T, { journal }: Performer): Promise<T> {
  const { key, azureId } = change.intent;
  const instanceId = change.instanceOf?.(value);
  await journal.succeeded(key, { azureId, ...(instanceId === undefined ? {} : { instanceId }) });
  return value;
}

/** What was asked for before has come to nothing. */
async function beginAnew<T>({ doing, intent }: Change<T>, { journal }: Performer): Promise<void> {
  await journal.failed(intent.key, {
    code: 'CALL_BODY_CHANGED',
    message: `Azure did not ${doing} as it was asked to before a setting was changed.`,
    fix: 'Nothing has to be done: it is asked for as it is wanted now.',
  });
  await journal.begin(intent);
}

async function callAndWait<T>(change: Change<T>, performer: Performer): Promise<T> {
  stopIfAborted(change, performer);
  let poller: Poller;
  try {
    poller = change.send();
    await poller.submitted();
  } catch (error) {
    const refused = fromAzure(error, change.doing);
    const after = await lookAfterRefusal(change, performer, refused);
    if (after.state === 'done') return after.value;
    if (refused.code === 'PROPERTY_FIXED' && after.state === 'needed') throw notShownYet(change, refused);
    if (refused.kind === 'permanent') await performer.journal.failed(change.intent.key, refused.toDetails());
    throw refused;
  }
  await performer.journal.called?.(change.intent.key);
  if (!poller.isDone) {
    const pollerState = resumable(await poller.serialize());
    await performer.journal.submitted(change.intent.key, pollerState);
    const failure = await outcome(change, poller, pollerState, performer);
    if (failure !== null) throw failure;
  }
  return settled(change, performer);
}

/**
 * Waits for an operation's end, and gives its failure back once that is in the journal. One that Azure no longer knows has
 * ended somehow: the look that follows tells how.
 * @throws LandfallError when its end is not known
 */
async function outcome<T>(
  change: Change<T>,
  poller: Poller,
  pollerState: string,
  performer: Performer,
): Promise<LandfallError | null> {
  try {
    await pollToEnd(poller, performer.connection, performer.signal);
    return null;
  } catch (error) {
    if (isAbort(error)) throw interrupted(change.doing, error);
    if (isNotFound(error)) return null;
    // Ours: the poll was not sent at all.
    if (error instanceof LandfallError) throw error;
    // An error of the polling itself leaves the operation running: the stored state is kept for the next try.
    const answer = answerOf(error);
    const isOutcome = answer !== null && [400, 409, 412].includes(answer.status ?? 0);
    if (error instanceof Error && error.name === 'RestError' && !isOutcome) throw fromAzure(error, change.doing);
    const failure = await failureOf(change, pollerState, performer, error);
    await performer.journal.failed(change.intent.key, failure.toDetails());
    return failure;
  }
}

/** The client says only that the operation failed; its URL says why. */
async function failureOf<T>(
  change: Change<T>,
  pollerState: string,
  performer: Performer,
  error: unknown,
): Promise<LandfallError> {
  if (answerOf(error) !== null) return fromAzure(error, change.doing);
  const url = operationUrl(pollerState);
  const status: unknown = url === null ? null : await performer.connection.get(url).catch(() => null);
  const said = bodyError(status);
  const text = error instanceof Error ? error.message : String(error);
  const canceled = typeof status === 'object' && status !== null && 'status' in status && status.status === 'Canceled';
  return refusal(
    {
      status: null,
      code: said.code ?? (canceled || /canceled/i.test(text) ? 'Canceled' : null),
      message: said.message ?? text,
      reasons: said.reasons,
      retryAfterMs: null,
      correlationId: null,
    },
    change.doing,
    error,
  );
}

async function lookUntilIdle<T>(change: Change<T>, performer: Performer): Promise<Finding<T>> {
  let waitMs = FIRST_BUSY_WAIT_MS;
  for (let looks = 0; looks < BUSY_LOOKS; looks++) {
    stopIfAborted(change, performer);
    const finding = await lookOnce(change);
    if (finding.state !== 'busy') return finding;
    await wait(waitMs, change, performer);
    waitMs = Math.min(waitMs * 2, LONGEST_BUSY_WAIT_MS);
  }
  throw new WaitingError(
    {
      code: 'AZURE_BUSY',
      message: `Azure did not ${change.doing}: another operation on it has been going on for minutes.`,
      fix: 'Nothing has to be done: Landfall looks again. See the activity log in Azure for the other operation.',
    },
    { retryAfterMs: 30_000 },
  );
}

/** A look that fails tells nothing: then the refusal stands. One that shows somebody else's resource is the better answer. */
async function lookAfterRefusal<T>(
  change: Change<T>,
  performer: Performer,
  refused: LandfallError,
): Promise<Finding<T>> {
  try {
    return await lookUntilIdle(change, performer);
  } catch (error) {
    const found = fromAzure(error, change.doing);
    throw found.kind === 'permanent' ? found : refused;
  }
}

async function settled<T>(change: Change<T>, performer: Performer): Promise<T> {
  for (const delay of SETTLE_DELAYS_MS) {
    await wait(delay, change, performer);
    const finding = await lookUntilIdle(change, performer);
    if (finding.state === 'done') return finding.value;
  }
  throw new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure reported that it did ${change.doing}, and does not show it.`,
    fix: 'Look whether somebody undid it; Landfall tries again.',
  });
}

/** Azure speaks of something that is there, and does not show it yet: an earlier call has made it moments ago. */
function notShownYet<T>(change: Change<T>, cause: LandfallError): RetryableError {
  return new RetryableError(
    {
      code: 'AZURE_INCONSISTENT',
      message: `Azure did not ${change.doing}, because it exists with another property, and does not show it.`,
      fix: 'Nothing has to be done: Azure needs some seconds to show what was just made, and Landfall looks again.',
    },
    { cause },
  );
}

async function lookOnce<T>(change: Change<T>): Promise<Finding<T>> {
  try {
    return await change.look();
  } catch (error) {
    throw fromAzure(error, change.doing);
  }
}

async function wait<T>(milliseconds: number, change: Change<T>, performer: Performer): Promise<void> {
  if (milliseconds === 0) return;
  try {
    await pause(milliseconds, undefined, performer.signal === undefined ? {} : { signal: performer.signal });
  } catch (error) {
    throw interrupted(change.doing, error);
  }
}

function stopIfAborted<T>(change: Change<T>, performer: Performer): void {
  if (performer.signal?.aborted) throw interrupted(change.doing, performer.signal.reason);
}
