import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ListShape, NumberShape, ObjectShape, Property, Shape, StringShape } from '../shapes/shape.js';
import type { PublishedAnswer, PublishedOperation } from './operation.js';

/*
 * What the public specifications of Azure say of the operations that the product and its emulated Azure are about, as a
 * table of facts: members, types, enumerations, statuses. It lies in the workspace, so that everything can be held against it
 * wherever it is checked out; `main.js facts FOLDER` derives it anew from the specifications.
 */
const FILE = fileURLToPath(new URL('../../published-facts.json', import.meta.url));

export interface Facts {
  /** The documents, each as NAME@VERSION. */
  readonly sources: readonly string[];
  readonly operations: readonly OperationFact[];
  /** Definitions that are referred to, by name. */
  readonly shapes: Readonly<Record<string, ShapeFact>>;
}

interface OperationFact extends Pick<PublishedOperation, 'source' | 'id' | 'method' | 'path' | 'query'> {
  readonly body: { readonly shape: ShapeFact; readonly required: boolean } | null;
  /** By status, and `default`; null: no body. */
  readonly answers: Readonly<Record<string, ShapeFact | null>>;
}

type ShapeFact =
  | 'any'
  | 'boolean'
  | { readonly ref: string }
  | { readonly string: Omit<StringShape, 'kind' | 'pattern'> & { readonly pattern?: string } }
  | { readonly number: Omit<NumberShape, 'kind'> }
  | ({ readonly list: ShapeFact } & Pick<ListShape, 'minItems' | 'maxItems'>)
  | { readonly dictionary: ShapeFact }
  | ObjectFact;

interface ObjectFact {
  readonly object: string;
  readonly members: Readonly<Record<string, MemberFact>>;
  readonly additional?: ShapeFact;
  readonly discriminator?: string;
  /** By the discriminator's value. */
  readonly heirs?: Readonly<Record<string, ShapeFact>>;
}

/** A shape, behind letters for what else holds: (r)equired, read-(o)nly, (n)ullable, (s)ecret. */
type MemberFact = readonly [flags: string, shape: ShapeFact];

const FLAGS = { r: 'required', o: 'readOnly', n: 'nullable', s: 'secret' } as const;

/** The operations as they are told by the facts that lie in the workspace. */
export function publishedFacts(): readonly PublishedOperation[] {
  return operationsOf(readFacts());
}

export function readFacts(): Facts {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Facts;
}

/** A line for each operation and definition, so that a change shows what has changed. */
export function factsText({ sources, operations, shapes }: Facts): string {
  const lines = (entries: readonly string[]): string => entries.map((entry) => `    ${entry}`).join(',\n');
  return [
    `{\n  "sources": ${JSON.stringify(sources)},`,
    `  "operations": [\n${lines(operations.map((operation) => JSON.stringify(operation)))}\n  ],`,
    `  "shapes": {\n${lines(Object.entries(shapes).map(([key, shape]) => `${JSON.stringify(key)}: ${JSON.stringify(shape)}`))}\n  }\n}\n`,
  ].join('\n');
}

export function factsOf(operations: readonly PublishedOperation[]): Facts {
  const writer = new FactWriter();
  const facts = operations.map(({ source, id, method, path, query, body, answers, error }) => ({
    ...{ source, id, method, path, query },
    body: body && { shape: writer.fact(body.shape), required: body.required },
    answers: Object.fromEntries(
      [...answers, ...(error === null ? [] : [['default', error] as const])].map(([status, answer]) => [
        String(status),
        answer.body && writer.fact(answer.body),
      ]),
    ),
  }));
  const sources = [...new Set(operations.map(({ source }) => source))].sort();
  return { sources, operations: facts, shapes: writer.definitions() };
}

class FactWriter {
  readonly #keys = new Map<Shape, string>();
  readonly #shapes = new Map<string, ShapeFact>();

  definitions(): Facts['shapes'] {
    return Object.fromEntries([...this.#shapes].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  fact(shape: Shape): ShapeFact {
    switch (shape.kind) {
      case 'any':
      case 'boolean':
        return shape.kind;
      case 'string': {
        const { kind: _kind, pattern, ...rest } = shape;
        return { string: { ...rest, ...(pattern === undefined ? {} : { pattern: pattern.source }) } };
      }
      case 'number': {
        const { kind: _kind, ...rest } = shape;
        return { number: rest };
      }
      case 'list': {
        const { kind: _kind, element, ...rest } = shape;
        return { list: this.fact(element), ...rest };
      }
      case 'dictionary':
        return { dictionary: this.fact(shape.value) };
      case 'object':
        return this.#object(shape);
      case 'reference':
        return { ref: this.#key(shape) };
    }
  }

  #object({ name, properties, additional, discriminator }: ObjectShape): ObjectFact {
    const members = [...properties].map(([member, property]) => {
      const flags = Object.entries(FLAGS).filter(([, flag]) => property[flag] === true);
      return [member, [flags.map(([letter]) => letter).join(''), this.fact(property.shape)] as const] as const;
    });
    return {
      object: name,
      members: Object.fromEntries(members),
      ...(additional === null ? {} : { additional: this.fact(additional) }),
      ...(discriminator === undefined
        ? {}
        : {
            discriminator: discriminator.property,
            heirs: Object.fromEntries([...discriminator.shapes].map(([value, heir]) => [value, this.fact(heir())])),
          }),
    };
  }

  /** Definitions of two documents may have the same name. */
  #key(shape: Extract<Shape, { kind: 'reference' }>): string {
    const known = this.#keys.get(shape);
    if (known !== undefined) return known;
    const target = shape.resolve();
    const name = target.kind === 'object' && target.name !== '' ? target.name : target.kind;
    let key = name;
    for (let count = 2; this.#shapes.has(key); count += 1) key = `${name}#${count}`;
    this.#keys.set(shape, key);
    // Taken before its members are written: a definition may refer to itself.
    this.#shapes.set(key, 'any');
    this.#shapes.set(key, this.fact(target));
    return key;
  }
}

export function operationsOf({ operations, shapes }: Facts): readonly PublishedOperation[] {
  const reader = new FactReader(shapes);
  return operations.map(({ body, answers: { default: error, ...answers }, ...rest }) => ({
    ...rest,
    body: body && { shape: reader.shape(body.shape), required: body.required },
    answers: new Map(Object.entries(answers).map(([status, fact]) => [Number(status), reader.answer(fact)])),
    error: error === undefined ? null : reader.answer(error),
  }));
}

class FactReader {
  readonly #resolved = new Map<string, Shape>();

  constructor(private readonly shapes: Facts['shapes']) {}

  answer(fact: ShapeFact | null): PublishedAnswer {
    return { body: fact === null ? null : this.shape(fact) };
  }

  shape(fact: ShapeFact): Shape {
    if (fact === 'any' || fact === 'boolean') return { kind: fact };
    if ('ref' in fact) return { kind: 'reference', resolve: () => this.#resolve(fact.ref) };
    if ('string' in fact) {
      const { pattern, ...rest } = fact.string;
      return { kind: 'string', ...rest, ...(pattern === undefined ? {} : { pattern: new RegExp(pattern) }) };
    }
    if ('number' in fact) return { kind: 'number', ...fact.number };
    if ('dictionary' in fact) return { kind: 'dictionary', value: this.shape(fact.dictionary) };
    if ('list' in fact) {
      const { list, ...rest } = fact;
      return { kind: 'list', element: this.shape(list), ...rest };
    }
    return this.#object(fact);
  }

  #object({ object: name, members, additional, discriminator, heirs = {} }: ObjectFact): ObjectShape {
    const properties = Object.entries(members).map(([member, [flags, shape]]): [string, Property] => {
      const said = Object.entries(FLAGS).map(([letter, flag]) => [flag, flags.includes(letter)] as const);
      return [member, { shape: this.shape(shape), ...(Object.fromEntries(said) as Omit<Property, 'shape'>) }];
    });
    const shapes = Object.entries(heirs).map(([value, heir]) => [value, () => this.shape(heir)] as const);
    return {
      kind: 'object',
      name,
      properties: new Map(properties),
      additional: additional === undefined ? null : this.shape(additional),
      ...(discriminator === undefined ? {} : { discriminator: { property: discriminator, shapes: new Map(shapes) } }),
    };
  }

  #resolve(key: string): Shape {
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const fact = this.shapes[key];
    if (fact === undefined) throw new Error(`The facts tell nothing of ${key}.`);
    const shape = this.shape(fact);
    this.#resolved.set(key, shape);
    return shape;
  }
}
