import { createHash } from 'node:crypto';
import { canonicalJson, carriesTags, PermanentError, type Tags } from '@landfall/domain';

export interface Tagged {
  readonly azureId: string;
  readonly tags: Tags;
}

/** @throws PermanentError `RESOURCE_FOREIGN` */
export function requireOwn(found: Tagged, wanted: Tags): void {
  if (carriesTags(found.tags, wanted)) return;
  throw new PermanentError({
    code: 'RESOURCE_FOREIGN',
    message: `${found.azureId} exists and does not carry the tags of this restore, so Landfall leaves it alone.`,
    fix: 'Choose another name or resource group; or put the tags back if somebody took them off.',
  });
}

/** Ours by its tags, and yet not what this restore makes: somebody changed it. */
export function changed(found: Tagged, what: string): PermanentError {
  return new PermanentError({
    code: 'RESOURCE_CHANGED',
    message: `${found.azureId} carries the tags of this restore, but ${what}.`,
    fix: 'Find out who changed it in the activity log; roll the restore back and begin anew.',
  });
}

/** SHA-256 over the canonical JSON of what is asked for. */
export function bodyHash(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}
