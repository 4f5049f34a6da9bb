import type { Request } from 'express';

/** The name under which an action stands in the audit log. */
export function actorOf(request: Request): string {
  const { principal } = request;
  if (principal === undefined) return 'anonymous';
  return principal.kind === 'user' ? principal.name : `worker:${principal.workerId}`;
}
