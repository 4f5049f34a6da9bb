import { PermanentError } from '@landfall/domain';

export function refuse(code: string, message: string): PermanentError {
  return new PermanentError({ code, message, fix: 'Change what the message names.' });
}

/** The thing itself when it carries the tags; what is not ours is refused. */
export function requireTags<T extends { readonly azureId: string; readonly tags: Readonly<Record<string, string>> }>(
  found: T,
  wanted: Readonly<Record<string, string>>,
): T {
  const own = Object.entries(wanted).every(([name, value]) => found.tags[name] === value);
  if (!own) throw refuse('RESOURCE_FOREIGN', `${found.azureId} is not ours.`);
  return found;
}
