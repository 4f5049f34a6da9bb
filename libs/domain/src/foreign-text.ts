/*
 * What may be told of text that is not ours. An error of a library, of the system or of another program can quote whatever
 * it was called with: a password, a header, a signed address. So nobody is shown its text; what it is called, and the
 * code of the system, say what kind of thing has happened. Azure's own sentences are the exception, without what signs.
 */
const DEEPEST_CAUSE = 5;

/** The system's codes (errno), and those of sockets, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not do that',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke off',
  EHOSTUNREACH: 'there is no way to that machine',
  EIO: 'the device reports an error',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ENODEV: 'there is no such device',
  ENOENT: 'there is nothing there',
  ENOSPC: 'no room is left',
  ENOTDIR: 'a part of its path is no folder',
  ENOTFOUND: 'nobody knows a machine of that name',
  ENXIO: 'there is no such device',
  EPERM: 'this user may not do that',
  EPIPE: 'the connection broke off',
  EROFS: 'it can only be read',
  ETIMEDOUT: 'no answer came in time',
};

/** Half a sentence without any of the error's own text: `there is nothing there (ENOENT)`, `TypeError`. */
export function outlineOf(error: unknown): string {
  const code = codeOf(error, DEEPEST_CAUSE);
  if (code !== null) return code in WORDS ? `${WORDS[code]} (${code})` : code;
  const name = error instanceof Error ? error.name : typeof error;
  return /^[A-Za-z]\w{0,40}$/.test(name) ? name : 'Error';
}

/** The code of an error, or of what caused it. */
function codeOf(error: unknown, depth: number): string | null {
  if (typeof error !== 'object' || error === null || depth === 0) return null;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' && /^[A-Z0-9_]{2,48}$/.test(code) ? code : codeOf(cause, depth - 1);
}

/** A location as it may be shown: without a user's name and password, and without what follows `?` or `#`, such as a SAS. */
export function withoutCredentials(location: string): string {
  return location.replace(/\/\/.*@/s, '//').replace(/[?#].*$/s, '');
}

const SIGNS: readonly (readonly [RegExp, string])[] = [
  // A JSON Web Token, wherever it stands.
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, '[secret]'],
  [/\b(Bearer|Basic|SharedKey(?:Lite)?)\s+[^\s"',;]+/gi, '$1 [secret]'],
  [/\/\/[^\s/@"']*:[^\s/@"']*@/g, '//[secret]@'],
  [
    /((?:\b|_)(?:sig|signature|token|secret|password|passwd|pwd|account_?key|api[-_]?key)["']?\s*(?:=|%3D|:)\s*["']?)[^\s"',;&)]+/gi,
    '$1[secret]',
  ],
  // Keys of 32 and 64 bytes, as text.
  [/[A-Za-z0-9+/_-]{40,}(?:={1,2}|(?:%3D){1,2})/gi, '[secret]'],
];

/** A sentence of Azure's, without tokens, signatures and keys. */
export function withoutSecrets(text: string): string {
  return SIGNS.reduce((cleaned, [sign, instead]) => cleaned.replace(sign, instead), text);
}

/** A name from a backup on one line, with everything taken out that could steer a terminal. */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd');
}
