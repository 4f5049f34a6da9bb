import { printable } from '@landfall/domain';

/*
 * restic writes file names into trees the way Go quotes strings (strconv.Quote without the outer quotes), so that names
 * that are not valid UTF-8 survive. The quoted form is unique and is what names are compared by; the plain form is for people.
 */
const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '"': 34,
  "'": 39,
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([abfnrtv\\"']))/y;

/** The name as a person knows it: escapes undone, bytes that are not UTF-8 and control characters shown as `�`. */
export function plainName(quoted: string): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < quoted.length) {
    const escape = quoted.indexOf('\\', at);
    if (escape < 0) break;
    parts.push(Buffer.from(quoted.slice(at, escape)));
    ESCAPE.lastIndex = escape;
    const match = ESCAPE.exec(quoted);
    if (match === null) return printable(quoted);
    parts.push(unescape(match));
    at = ESCAPE.lastIndex;
  }
  parts.push(Buffer.from(quoted.slice(at)));
  return printable(Buffer.concat(parts).toString());
}

function unescape(match: RegExpExecArray): Buffer {
  const [, byte, short, long, octal, simple] = match;
  if (byte !== undefined) return Buffer.from([parseInt(byte, 16)]);
  if (octal !== undefined) return Buffer.from([parseInt(octal, 8)]);
  if (simple !== undefined) return Buffer.from([SIMPLE[simple]!]);
  const point = parseInt(short ?? long ?? '', 16);
  return Buffer.from(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
}
