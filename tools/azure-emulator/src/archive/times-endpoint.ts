import type { IncomingMessage, ServerResponse } from 'node:http';
import { REHYDRATION_TIMES, type Rehydrations } from './rehydrations.js';

/*
 * The proxy's own interface; no account's name begins with an underscore.
 *
 *   GET   /_archive/times     {"standardMs": 30000, "highMs": 5000}
 *   PATCH /_archive/times     changes them, also for what is pending already
 *   GET   /_archive/pending   what is pending, and until when
 */
const LARGEST_BODY = 10_000;

export async function serveTimes(
  incoming: IncomingMessage,
  response: ServerResponse,
  rehydrations: Rehydrations,
): Promise<void> {
  const asked = `${incoming.method} ${incoming.url}`;
  if (asked === 'GET /_archive/pending') {
    const rows = rehydrations.list().filter(({ copy }) => copy?.aborted !== true);
    return answer(
      response,
      200,
      rows.map((row) => ({ ...row, dueAt: new Date(rehydrations.dueAt(row)).toISOString() })),
    );
  }
  if (asked === 'PATCH /_archive/times') {
    const times = REHYDRATION_TIMES.partial().safeParse(await body(incoming));
    if (!times.success) return answer(response, 400, { error: 'It takes standardMs and highMs: whole milliseconds.' });
    const { standardMs, highMs } = times.data;
    rehydrations.setTimes({
      ...(standardMs === undefined ? {} : { standardMs }),
      ...(highMs === undefined ? {} : { highMs }),
    });
  } else if (asked !== 'GET /_archive/times') {
    return answer(response, 404, { error: `There is no ${asked}.` });
  }
  answer(response, 200, rehydrations.times);
}

async function body(incoming: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > LARGEST_BODY) return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
