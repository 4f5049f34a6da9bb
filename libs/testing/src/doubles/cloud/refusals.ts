import { carriesTags, PermanentError, RetryableError } from '@landfall/domain';

export function refuse(code: string, message: string): PermanentError {
  return new PermanentError({ code, message, fix: 'Change what the message names.' });
}

/** Until somebody ends the access, which Landfall does by itself. */
export function underAccess(azureId: string): RetryableError {
  const details = { code: 'DISK_SAS_ACTIVE', message: `${azureId} is under access.`, fix: 'End the access.' };
  return new RetryableError(details);
}

/** The thing itself when it carries the tags; what is not ours is refused. */
export function requireTags<T extends { readonly azureId: string; readonly tags: Readonly<Record<string, string>> }>(
  found: T,
  wanted: Readonly<Record<string, string>>,
): T {
  if (!carriesTags(found.tags, wanted)) throw refuse('RESOURCE_FOREIGN', `${found.azureId} is not ours.`);
  return found;
}
