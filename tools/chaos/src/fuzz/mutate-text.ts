import { below, oneOf } from './mutate-bytes.js';

/*
 * Changes of JSON, and of the language of LVM's metadata, which has the same strings and numbers: one value or key becomes
 * an odd one, is left out, comes twice. Done in the text, so that changes can follow each other whatever they leave behind.
 */
type Random = () => number;
type Change = (text: string, random: Random) => string;

const MOST_CHANGES = 3;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\btrue\b|\bfalse\b|\bnull\b/g;
/** `"key":` of JSON, `key =` and `key {` of LVM. */
const KEY = /"(?:[^"\\]|\\.)*"\s*:|\b[a-z_][a-z0-9_]*\s*[={]/gi;

const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '0.5',
  '1e3',
  '1e400',
  '-1e400',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9223372036854775807',
  '18446744073709551616',
  '9'.repeat(400),
];
const STRINGS = [
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u001b[2J"',
  '"../../etc/passwd"',
  '"__proto__"',
  '"constructor"',
  '"\\"',
  `"${'x'.repeat(300)}"`,
  `"${'y'.repeat(70_000)}"`,
  `"${'0'.repeat(64)}"`,
  `"${'\\\\'.repeat(2_000)}"`,
];
const OTHERS = ['null', 'true', 'false', '[]', '{}', '[[]]', '{"a":1}', '', '[null]', nested(100), nested(20_000)];
const ODD = [NUMBERS, STRINGS, OTHERS];

export function mutateText(valid: Buffer, _other: Buffer, random: Random): Buffer {
  let text = valid.toString();
  const changes = 1 + below(MOST_CHANGES, random);
  for (let done = 0; done < changes; done += 1) text = oneOf(CHANGES, random)(text, random);
  return Buffer.from(text);
}

const oddValue: Change = (text, random) => withToken(text, random, () => oneOf(oneOf(ODD, random), random));

/** A number stays one, a string too: what is checked after the kind of a value. */
const otherValue: Change = (text, random) =>
  withToken(text, random, (token) => oneOf(token.startsWith('"') ? STRINGS : NUMBERS, random));

const leaveOut: Change = (text, random) => {
  const at = matchIn(text, KEY, random);
  if (at === undefined) return text;
  // Until the next value's end or comma, brackets or not: what is left may well be no text of the language.
  const end = text.slice(at.index + at[0].length).search(/[,}\n]/);
  return end < 0 ? text : text.slice(0, at.index) + text.slice(at.index + at[0].length + end).replace(/^,/, '');
};

const keyTwice: Change = (text, random) => {
  const at = matchIn(text, KEY, random);
  if (at === undefined || at[0].endsWith('{')) return text;
  const comma = at[0].endsWith(':') ? ',' : '\n';
  const first = oneOf(oneOf(ODD, random), random);
  return text.slice(0, at.index) + at[0] + first + comma + text.slice(at.index);
};

const elementsAgain: Change = (text, random) => {
  const open = text.indexOf('[', below(text.length, random));
  const close = text.indexOf(']', open);
  if (open < 0 || close < 0) return text;
  const inner = text.slice(open + 1, close);
  return `${text.slice(0, open + 1)}${`${inner},`.repeat(1 + below(30, random))}${text.slice(open + 1)}`;
};

const swapTokens: Change = (text, random) => {
  const other = matchIn(text, TOKEN, random);
  return other === undefined ? text : withToken(text, random, () => other[0]);
};

const CHANGES: readonly Change[] = [
  oddValue,
  oddValue,
  otherValue,
  otherValue,
  swapTokens,
  leaveOut,
  keyTwice,
  elementsAgain,
];

function withToken(text: string, random: Random, change: (token: string) => string): string {
  const at = matchIn(text, TOKEN, random);
  return at === undefined ? text : text.slice(0, at.index) + change(at[0]) + text.slice(at.index + at[0].length);
}

function matchIn(text: string, pattern: RegExp, random: Random): RegExpExecArray | undefined {
  const all = [...text.slice(0, 20_000).matchAll(pattern)];
  return all.length === 0 ? undefined : oneOf(all, random);
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}
