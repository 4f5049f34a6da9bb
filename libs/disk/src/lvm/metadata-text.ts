/*
 * The language in which LVM2 writes its metadata:
 *
 *   section { key = 1   key = "text"   key = ["pv0", 0]   # comment
 *   }
 *
 * A recursive-descent parser over one regular expression for tokens. Depth and number of values are bounded, so that no
 * text, however made, takes more than memory in proportion to its length.
 */
export type LvmValue = number | string | readonly (number | string)[];

export interface LvmSection {
  readonly values: ReadonlyMap<string, LvmValue>;
  readonly sections: ReadonlyMap<string, LvmSection>;
}

export class LvmSyntaxError extends Error {}

const DEEPEST = 16;
/** A text of any length would run the regular expression out of stack; names and tags have at most 1,024 characters. */
const TOKEN =
  /\s+|#[^\n]*|"((?:[^"\\]|\\.){0,65536})"|(-?\d+(?:\.\d+)?)(?![A-Za-z0-9_.+-])|([A-Za-z0-9_.+/-]+)|([{}[\]=,])/y;

interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'mark' | 'end';
  readonly text: string;
}

/** @throws LvmSyntaxError */
export function parseLvmText(text: string): LvmSection {
  const tokens = new Tokens(text);
  return parseSection(tokens, 0);
}

function parseSection(tokens: Tokens, depth: number): LvmSection {
  if (depth > DEEPEST) throw new LvmSyntaxError('sections are nested too deep');
  const values = new Map<string, LvmValue>();
  const sections = new Map<string, LvmSection>();
  for (;;) {
    const key = tokens.next();
    if (key.kind === 'end' && depth === 0) return { values, sections };
    if (key.text === '}' && key.kind === 'mark' && depth > 0) return { values, sections };
    // A name of digits alone reads as a number.
    if (key.kind !== 'word' && key.kind !== 'number')
      throw new LvmSyntaxError(`"${shown(key)}" where a name should be`);
    const mark = tokens.next();
    if (mark.kind === 'mark' && mark.text === '{') sections.set(key.text, parseSection(tokens, depth + 1));
    else if (mark.kind === 'mark' && mark.text === '=') values.set(key.text, parseValue(tokens));
    else throw new LvmSyntaxError(`"${shown(mark)}" after "${shown(key)}"`);
  }
}

function parseValue(tokens: Tokens): LvmValue {
  const token = tokens.next();
  if (token.kind !== 'mark' || token.text !== '[') return scalar(token);
  const list: (number | string)[] = [];
  for (;;) {
    const item = tokens.next();
    if (item.kind === 'mark' && item.text === ']') return list;
    if (item.kind === 'mark' && item.text === ',') continue;
    list.push(scalar(item));
  }
}

function scalar(token: Token): number | string {
  if (token.kind === 'number') return Number(token.text);
  if (token.kind === 'string') return token.text;
  throw new LvmSyntaxError(`"${shown(token)}" where a value should be`);
}

/** For a message: what is in a damaged text may be long, and steer a terminal. */
function shown({ text }: Token): string {
  return (text.length > 40 ? `${text.slice(0, 40)}…` : text).replace(/\p{Cc}/gu, '\ufffd');
}

class Tokens {
  #at = 0;

  constructor(private readonly text: string) {}

  next(): Token {
    while (this.#at < this.text.length) {
      TOKEN.lastIndex = this.#at;
      const match = TOKEN.exec(this.text);
      if (match === null) throw new LvmSyntaxError(`an unexpected character at ${this.#at}`);
      this.#at = TOKEN.lastIndex;
      const [, string, number, word, mark] = match;
      if (string !== undefined) return { kind: 'string', text: string.replace(/\\(.)/gs, '$1') };
      if (number !== undefined) return { kind: 'number', text: number };
      if (word !== undefined) return { kind: 'word', text: word };
      if (mark !== undefined) return { kind: 'mark', text: mark };
    }
    return { kind: 'end', text: 'the end' };
  }
}
