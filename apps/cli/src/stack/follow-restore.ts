import { setTimeout as sleep } from 'node:timers/promises';
import { type EventView, RESTORE, RESTORE_EVENT, type RestoreView, ROUTES } from '@landfall/contract';
import type { Api } from './api.js';
import { ApiProblem, Unreachable, UnreadableAnswer } from './errors.js';
import { readAnswer } from './read-answer.js';
import { serverSentEvents } from './server-sent-events.js';
import { hasSettled } from './views.js';

/*
 * Follows a restore to its end. It listens to the API's event stream; when that breaks off or falls silent it asks for
 * the restore itself and listens anew, from the last event that it has heard of. The API may be away for a while, because
 * services are restarted while restores go on; only after `patienceMs` without any answer does the watcher give up, and the
 * restore still goes on.
 */
const SILENCE_MS = 40_000; // more than two of the API's heartbeats
const PAUSE_MS = 500;
const PATIENCE_MS = 120_000;
const STREAM = `the stream of ${ROUTES.listRestoreEvents.path}`;

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Called with each change, the first and the last state included. */
  readonly onChange: (restore: RestoreView) => void;
  /** Called with each event of its history, from the first on, once and in order; those of a change come before it. */
  readonly onEvent?: (event: EventView) => void;
  /** Called once each time that contact is lost. */
  readonly onSilence?: () => void;
  /** Asked when nothing answers: why nothing will, until somebody does something about it; null where it may. */
  readonly whyDown?: () => Error | null;
  /** True when the state is the one that is waited for. */
  readonly until?: (restore: RestoreView) => boolean;
  readonly patienceMs?: number;
  readonly pauseMs?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Resolves with the restore once it has settled.
 * @throws Unreachable when the API stays away, or the stack is down; ApiProblem `RESTORE_NOT_FOUND`; UnreadableAnswer
 */
export async function followRestore(api: Api, id: string, options: FollowOptions): Promise<RestoreView> {
  const until = options.until ?? hasSettled;
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  const now = options.now ?? monotonic;
  const heard: Heard = { sequence: 0, at: now() };
  let lost = false;
  for (;;) {
    try {
      const last = await listen(api, id, options, until, heard);
      if (last !== null) return last;
      const restore = await api.ask(ROUTES.showRestore, { params: { id }, signal: options.signal });
      heard.at = now();
      lost = false;
      options.onChange(restore);
      if (until(restore)) return restore;
    } catch (error) {
      options.signal.throwIfAborted();
      if (!mayPass(error) || now() - heard.at > patienceMs) throw error;
      const down = options.whyDown?.() ?? null;
      if (down !== null) throw down;
      if (!lost) options.onSilence?.();
      lost = true;
    }
    await sleep(options.pauseMs ?? PAUSE_MS, undefined, { signal: options.signal });
  }
}

const monotonic = (): number => performance.now();

/** The last event that was heard of, and when anything was. */
interface Heard {
  sequence: number;
  at: number;
}

/** Null when the stream ended or fell silent before the state that is waited for. */
async function listen(
  api: Api,
  id: string,
  options: FollowOptions,
  until: (restore: RestoreView) => boolean,
  heard: Heard,
): Promise<RestoreView | null> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await api.call(ROUTES.listRestoreEvents, {
      params: { id },
      headers: { accept: 'text/event-stream', 'last-event-id': String(heard.sequence) },
      signal: AbortSignal.any([options.signal, silence.signal]),
    });
    if (response.body === null) return null;
    for await (const event of serverSentEvents(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      heard.at = (options.now ?? monotonic)();
      if (event.type === 'comment') continue;
      if (event.type !== 'restore') {
        const known = readAnswer(RESTORE_EVENT, JSON.parse(event.data), STREAM);
        heard.sequence = known.sequence;
        options.onEvent?.(known);
        continue;
      }
      const restore = readAnswer(RESTORE, JSON.parse(event.data), STREAM);
      options.onChange(restore);
      if (until(restore)) return restore;
    }
    return null;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof UnreadableAnswer || (error instanceof ApiProblem && !mayPass(error))) throw error;
    return null;
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** What a restart of the API or of what it stands on looks like from here. */
function mayPass(error: unknown): boolean {
  if (error instanceof Unreachable) return error.code === 'STACK_UNREACHABLE';
  return error instanceof ApiProblem && error.status >= 500;
}
