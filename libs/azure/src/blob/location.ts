import { BadInputError } from '@landfall/domain';

/** A place in blob storage: `azure://ACCOUNT/CONTAINER/PREFIX`. */
export interface BlobLocation {
  readonly account: string;
  readonly container: string;
  /** Without `/` at its ends; empty for the whole container. */
  readonly prefix: string;
}

const ACCOUNT = /^[a-z0-9]{3,24}$/;
const CONTAINER = /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;
/** What could end the path, escape something or be read in two ways: `?`, `#`, `%`, `\` and control characters. */
const UNSAFE = /[?#%\\\p{Cc}]/u;
const LONGEST_PREFIX = 900;

/** @throws BadInputError `BLOB_URL_INVALID` that says what is wrong with it */
export function parseBlobUrl(url: string): BlobLocation {
  const refuse = (what: string) =>
    new BadInputError({
      code: 'BLOB_URL_INVALID',
      message: `"${url}" is not a place in blob storage: ${what}.`,
      fix: 'Write azure://ACCOUNT/CONTAINER or azure://ACCOUNT/CONTAINER/PREFIX, without credentials.',
    });
  const scheme = 'azure://';
  if (!url.startsWith(scheme)) throw refuse(`it does not begin with ${scheme}`);
  const [account = '', container = '', ...rest] = url.slice(scheme.length).split('/');
  if (!ACCOUNT.test(account)) throw refuse('an account name has 3 to 24 lower-case letters and digits');
  if (!CONTAINER.test(container)) {
    throw refuse('a container name has 3 to 63 lower-case letters, digits and single hyphens');
  }
  const segments = rest.at(-1) === '' ? rest.slice(0, -1) : rest;
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw refuse('its prefix has an empty, "." or ".." part');
  }
  const prefix = segments.join('/');
  if (UNSAFE.test(prefix)) throw refuse('its prefix has one of the characters ? # % \\ or a control character');
  if (prefix.length > LONGEST_PREFIX) throw refuse(`its prefix is longer than ${LONGEST_PREFIX} characters`);
  return { account, container, prefix };
}
