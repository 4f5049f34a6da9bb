import { isSettled, type RestoreBooks, type RestoreEvent } from '@landfall/domain';
import { viewOfRestore } from './restore-view.js';

/*
 * What a watcher of a restore sees: every event once and in order, the whole restore whenever it has changed, and a
 * comment when nothing has happened for a while, so that nothing on the way takes the connection for dead.
 *
 * One turn: read the events after the last one sent, which is cheap; where there are any (changes come with events) and
 * every few turns, read the restore as well. Once it is seen to have settled, the events that were written in between
 * are read, and then there are none left to come.
 */
export interface StreamPace {
  /** Between two looks; also the least time between two views. */
  readonly turnMs: number;
  readonly heartbeatMs: number;
}

export const PACE: StreamPace = { turnMs: 500, heartbeatMs: 15_000 };

/** Events read in one go; more are read at once. */
const BATCH = 500;
/** So often the restore is read even though no event says that it has changed. */
const TURNS_WITHOUT_VIEW = 4;

export async function* followRestore(options: {
  books: Pick<RestoreBooks, 'restore' | 'events'>;
  restoreId: string;
  /** The sequence number of the last event that the watcher has. */
  after: number;
  signal: AbortSignal;
  pace: StreamPace;
}): AsyncGenerator<string> {
  const { books, restoreId, signal, pace } = options;
  let after = options.after;
  let lastView = '';
  let silentMs = 0;
  for (let turn = 0; !signal.aborted; turn += 1) {
    let sent = false;
    for await (const event of eventsAfter(books, restoreId, after)) {
      yield eventText(event);
      after = event.sequence;
      sent = true;
    }
    if (sent || turn % TURNS_WITHOUT_VIEW === 0) {
      const restore = await books.restore(restoreId);
      if (restore === null) return;
      const settled = isSettled(restore.state);
      if (settled) for await (const event of eventsAfter(books, restoreId, after)) yield eventText(event);
      const view = JSON.stringify(viewOfRestore(restore));
      if (view !== lastView) yield `event: restore\ndata: ${view}\n\n`;
      if (settled) return;
      sent ||= view !== lastView;
      lastView = view;
    }
    silentMs = sent ? 0 : silentMs + pace.turnMs;
    if (silentMs >= pace.heartbeatMs) {
      yield ': still here\n\n';
      silentMs = 0;
    }
    await pause(pace.turnMs, signal);
  }
}

async function* eventsAfter(
  books: Pick<RestoreBooks, 'events'>,
  restoreId: string,
  after: number,
): AsyncGenerator<RestoreEvent> {
  let last = after;
  for (;;) {
    const batch = await books.events(restoreId, last, BATCH);
    yield* batch;
    const newest = batch.at(-1);
    if (newest === undefined || batch.length < BATCH) return;
    last = newest.sequence;
  }
}

/** A type is ours and one word; still nothing that breaks lines may come between the fields of a message. */
function eventText(event: RestoreEvent): string {
  return `id: ${event.sequence}\nevent: ${event.type.replace(/[\r\n]/g, ' ')}\ndata: ${JSON.stringify(event)}\n\n`;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
