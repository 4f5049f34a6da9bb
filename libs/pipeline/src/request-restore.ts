import { newRestoreId, PermanentError, stepKey, type RestoreBooks, type RestoreRequest } from '@landfall/domain';
import { dispatchWork } from './machine/dispatch.js';

/** What a person asks for, with what makes a repetition of the same call harmless. */
export interface RestoreOrder {
  readonly request: RestoreRequest;
  readonly requestedBy: string;
  /** `bodyHash`: SHA-256 of the request's body, in hexadecimal. */
  readonly idempotency?: { readonly key: string; readonly bodyHash: string };
}

/**
 * Writes the restore, its first job and the audit entry in one transaction. The same idempotency key with the same body
 * gives the restore that was made for it before, with `created: false`.
 * @throws PermanentError `IDEMPOTENCY_KEY_REUSED` when the key was used with another body
 */
export async function requestRestore(
  books: RestoreBooks,
  order: RestoreOrder,
): Promise<{ restoreId: string; created: boolean }> {
  return books.transaction(async (tx) => {
    const restoreId = newRestoreId();
    if (order.idempotency) {
      const { key, bodyHash } = order.idempotency;
      const claim = await tx.claimIdempotencyKey({ key, bodyHash, restoreId });
      if (claim.bodyHash !== bodyHash) throw keyReused(key, claim.restoreId);
      if (claim.restoreId !== restoreId) return { restoreId: claim.restoreId, created: false };
    }
    await tx.createRestore({ id: restoreId, request: order.request, requestedBy: order.requestedBy });
    await tx.addEvent(restoreId, 'restore.planning', `Asked for by ${order.requestedBy}.`);
    await dispatchWork(tx, restoreId, { ...stepKey('plan'), state: 'pending', epoch: 0 });
    const details = { point: order.request.restorePointId, reason: order.request.reason ?? null };
    await tx.audit({ actor: order.requestedBy, action: 'restore.request', subject: restoreId, details });
    return { restoreId, created: true };
  });
}

export function keyReused(key: string, usedFor: string): PermanentError {
  return new PermanentError({
    code: 'IDEMPOTENCY_KEY_REUSED',
    message: `The idempotency key ${key} was used before, with another request, for ${usedFor}.`,
    fix: 'Send another key for another request, or the same request for the same key.',
  });
}
