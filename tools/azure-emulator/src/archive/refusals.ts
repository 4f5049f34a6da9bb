import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** How the blob service refuses what the archive tier does not allow. */
const MESSAGES = {
  BlobArchived: 'This operation is not permitted on an archived blob.',
  BlobBeingRehydrated: 'This operation is not permitted because the blob is being rehydrated.',
  PendingCopyOperation: 'There is currently a pending copy operation.',
  NoPendingCopyOperation: 'There is currently no pending copy operation.',
  CopyIdMismatch: 'The specified copy ID did not match the copy ID for the pending copy operation.',
} as const;

export type Refusal = keyof typeof MESSAGES;

export function refuse(response: ServerResponse, code: Refusal): void {
  const requestId = randomUUID();
  const message = `${MESSAGES[code]}\nRequestId:${requestId}\nTime:${new Date().toISOString()}`;
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  response.writeHead(409, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
    'x-ms-error-code': code,
    'x-ms-request-id': requestId,
    'x-ms-version': '2021-12-02',
  });
  response.end(body);
}

/**
 * Why a request can't be passed on while its blob is pending; null when it can be. Reading the blob is refused later,
 * when the blob service has found that the client may read it at all.
 */
export function refusalOf(
  request: { readonly method: string; readonly comp: string; readonly wanted: string | null; readonly high: boolean },
  row: { readonly tier: string; readonly priority: string; readonly isCopy: boolean },
): Refusal | null {
  const { method, comp } = request;
  if (comp === 'tier') {
    const isRaise = request.wanted === row.tier && request.high && row.priority === 'Standard';
    return isRaise ? null : 'BlobBeingRehydrated';
  }
  const overwrites = (method === 'PUT' && (comp === '' || comp === 'blocklist')) || method === 'DELETE';
  if (row.isCopy && overwrites) return 'PendingCopyOperation';
  const needsContent = ['properties', 'snapshot', 'query', 'appendblock', 'page'].includes(comp);
  return needsContent || (comp === 'metadata' && method === 'PUT') ? 'BlobArchived' : null;
}
