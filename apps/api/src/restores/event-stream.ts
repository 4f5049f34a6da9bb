import { isSettled, type RestoreBooks } from '@landfall/domain';
import { viewOfRestore } from './restore-view.js';

/*
 * What a watcher of a restore, or of a capture, sees: every event once and in order, the whole of it whenever it has changed, and a
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

/** What can be followed. */
export interface Followed {
  /** The name of the messages that carry the whole of it. */
  readonly what: 'restore' | 'capture';
  events(after: number, limit: number): Promise<readonly HistoryEvent[]>;
  /** As the API shows it, and whether nothing moves any more; null: there is none. */
  now(): Promise<{ readonly view: unknown; readonly isOver: boolean } | null>;
}

interface HistoryEvent {
  readonly sequence: number;
  readonly type: string;
}

interface Watcher {
  /** The sequence number of the last event that the watcher has. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly pace: StreamPace;
}

export function followRestore({
  books,
  restoreId,
  ...watcher
}: Watcher & { books: Pick<RestoreBooks, 'restore' | 'events'>; restoreId: string }): AsyncGenerator<string> {
  const followed: Followed = {
    what: 'restore',
    events: (after, limit) => books.events(restoreId, after, limit),
    async now() {
      const restore = await books.restore(restoreId);
      return restore && { view: viewOfRestore(restore), isOver: isSettled(restore.state) };
    },
  };
  return follow(followed, watcher);
}

export async function* follow(followed: Followed, watcher: Watcher): AsyncGenerator<string> {
  const { signal, pace } = watcher;
  let after = watcher.after;
  let lastView = '';
  let silentMs = 0;
  for (let turn = 0; !signal.aborted; turn += 1) {
    let sent = false;
    for await (const event of eventsAfter(followed, after)) {
      yield eventText(event);
      after = event.sequence;
      sent = true;
    }
    if (sent || turn % TURNS_WITHOUT_VIEW === 0) {
      const now = await followed.now();
      if (now === null) return;
      if (now.isOver) for await (const event of eventsAfter(followed, after)) yield eventText(event);
      const view = JSON.stringify(now.view);
      if (view !== lastView) yield `event: ${followed.what}\ndata: ${view}\n\n`;
      if (now.isOver) return;
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

async function* eventsAfter(followed: Followed, after: number): AsyncGenerator<HistoryEvent> {
  let last = after;
  for (;;) {
    const batch = await followed.events(last, BATCH);
    yield* batch;
    const newest = batch.at(-1);
    if (newest === undefined || batch.length < BATCH) return;
    last = newest.sequence;
  }
}

/** A type is ours and one word; still nothing that breaks lines may come between the fields of a message. */
function eventText(event: HistoryEvent): string {
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
