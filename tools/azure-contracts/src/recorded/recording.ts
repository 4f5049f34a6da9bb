import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What Azure itself was recorded to answer, or what people have pasted of its answers: only the facts (statuses, headers,
 * members, values), each file with its source. A file is a scene of its own, in a resource group of its own; its steps
 * follow one upon the other. `{group}` stands for the group's id, `{subscription}` for the subscription's, `{region}` for a
 * region, `{subnet}` for a subnet's id.
 */
const FOLDER = fileURLToPath(new URL('../../recorded/', import.meta.url));

interface Expected {
  /** By path, such as `properties.diskState`: the value, or a regular expression between slashes for a text. */
  readonly shows?: Readonly<Record<string, unknown>>;
  /** Paths at which there is nothing. */
  readonly lacks?: readonly string[];
}

export interface Step extends Expected {
  /** Where the request alone doesn't say what the fact is. */
  readonly fact?: string;
  readonly request: readonly [method: string, path: string];
  readonly body?: unknown;
  readonly status?: number;
  /** Patterns, by name in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the URL that is to be polled answers at the end; without it the end is waited for and not looked at. */
  readonly operation?: Expected & { readonly status?: number };
  /** Goes on without waiting for the operation. */
  readonly leaves?: boolean;
}

export interface Recording {
  readonly name: string;
  readonly source: string;
  /** Of the emulator, from the first step on. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What is there before, by path below the group's providers: what is put, at `{region}` unless it says where. */
  readonly given?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly steps: readonly Step[];
}

const STEP_MEMBERS = ['fact', 'request', 'body', 'status', 'headers', 'operation', 'leaves', 'shows', 'lacks'];

export function recordings(): readonly Recording[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const read = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Omit<Recording, 'name'>;
      for (const member of read.steps.flatMap((step) => Object.keys(step))) {
        if (!STEP_MEMBERS.includes(member)) throw new Error(`${file}: a step has no member '${member}'`);
      }
      return { name: basename(file, '.json'), ...read };
    });
}

/** What of an answer's body is not as it was recorded; empty when all is. */
export function differences(expected: Expected, body: unknown): readonly string[] {
  const shown = Object.entries(expected.shows ?? {}).flatMap(([path, wanted]) => {
    const actual = valueAt(body, path);
    return isAsRecorded(wanted, actual)
      ? []
      : [`${path} is ${JSON.stringify(actual)} and not ${JSON.stringify(wanted)}`];
  });
  const surplus = (expected.lacks ?? []).flatMap((path) => {
    const actual = valueAt(body, path);
    return actual === undefined ? [] : [`${path} is ${JSON.stringify(actual)} and should not be there`];
  });
  return [...shown, ...surplus];
}

function isAsRecorded(wanted: unknown, actual: unknown): boolean {
  const pattern = typeof wanted === 'string' ? /^\/(.*)\/(i?)$/s.exec(wanted) : null;
  if (pattern === null) return JSON.stringify(wanted) === JSON.stringify(actual);
  return typeof actual === 'string' && new RegExp(pattern[1] ?? '', pattern[2]).test(actual);
}

/** Steps between dots; a number is a place in a list; `#` its length. */
function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const step of path.split('.')) {
    if (step === '#') value = Array.isArray(value) ? value.length : undefined;
    else value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[step];
  }
  return value;
}
