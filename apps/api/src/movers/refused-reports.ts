import type { AuditLog } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { NextFunction, Request, Response } from 'express';
import { actorOf } from '../access/actor.js';
import { isReport } from '../access/gate.js';

/*
 * A data-mover reports what it was given, in words of a list. Whoever sends anything else is mistaken or pretends: that
 * stands in the audit log, however it was refused. A flood of it must not fill the log, so that of each sender a few a
 * minute are entered, the last with how many more there were.
 */
const EVERY_MS = 60_000;
const MOST_A_MINUTE = 10;
const MOST_SENDERS = 1_000;

export function auditRefusedReports({ audit, logger }: { audit: AuditLog; logger: Logger }) {
  const senders = new Map<string, { since: number; entered: number; unheard: number }>();
  return (request: Request, response: Response, next: NextFunction): void => {
    if (request.method === 'POST' && (isReport(request.path) || request.path === '/internal/v1/movers/started')) {
      response.once('finish', () => {
        const { statusCode } = response;
        if (statusCode < 400 || statusCode >= 500 || statusCode === 401) return;
        const actor = actorOf(request);
        const unheard = isHeard(senders, actor);
        if (unheard === null) return;
        const subject = (request.path.split('/').at(-2) ?? '').slice(0, 100);
        const code: unknown = response.locals['problemCode'];
        const details = { status: statusCode, code: typeof code === 'string' ? code : null, unheard };
        audit
          .append({ actor, action: 'report.refused', subject, details })
          .catch((err: unknown) => logger.warn({ err, actor, subject }, 'A refused report could not be audited.'));
      });
    }
    next();
  };
}

/** How many of this sender's were passed over before; null: this one is, too. */
function isHeard(
  senders: Map<string, { since: number; entered: number; unheard: number }>,
  actor: string,
): number | null {
  const now = performance.now();
  let sender = senders.get(actor);
  if (sender === undefined) {
    const oldest = senders.keys().next();
    if (senders.size >= MOST_SENDERS && !oldest.done) senders.delete(oldest.value);
    senders.set(actor, (sender = { since: now, entered: 0, unheard: 0 }));
  }
  if (now - sender.since >= EVERY_MS) Object.assign(sender, { since: now, entered: 0 });
  if (sender.entered >= MOST_A_MINUTE) {
    sender.unheard += 1;
    return null;
  }
  sender.entered += 1;
  const { unheard } = sender;
  sender.unheard = 0;
  return unheard;
}
