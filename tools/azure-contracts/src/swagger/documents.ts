import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A node of an OpenAPI document, with the document that its references start from. */
export interface Located<T = SchemaNode> {
  readonly node: T;
  readonly file: string;
}

/** The part of OpenAPI 2 that Azure's specifications use. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly readOnly?: boolean;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly allOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly discriminator?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly 'x-ms-secret'?: boolean;
  readonly 'x-nullable'?: boolean;
  readonly 'x-ms-discriminator-value'?: string;
}

export interface ParameterNode extends SchemaNode {
  readonly name?: string;
  readonly in?: 'path' | 'query' | 'body' | 'header';
  readonly schema?: SchemaNode;
}

export interface OperationNode {
  readonly operationId?: string;
  readonly parameters?: readonly ParameterNode[];
  readonly responses?: Readonly<Record<string, { readonly schema?: SchemaNode }>>;
}

export interface Document {
  readonly info?: { readonly version?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, OperationNode>>>>;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
}

/** OpenAPI documents that refer to each other by relative paths. */
export class Documents {
  private readonly loaded = new Map<string, Document>();
  /** References that lead nowhere, because a document is older than the one that refers to it. */
  readonly unresolved = new Set<string>();

  /** @param homes where a document looks for the others when it does not lie beside them */
  constructor(private readonly homes: ReadonlyMap<string, string> = new Map()) {}

  document(file: string): Document {
    const known = this.loaded.get(file);
    if (known !== undefined) return known;
    const document = JSON.parse(readFileSync(file, 'utf8')) as Document;
    this.loaded.set(file, document);
    return document;
  }

  /** The node that a reference names, and a key by which it is the same; null when there is none. */
  resolve<T = SchemaNode>(reference: string, from: string): (Located<T> & { readonly key: string }) | null {
    const [path = '', pointer = ''] = reference.split('#');
    const file = path === '' ? from : join(this.homes.get(from) ?? dirname(from), path);
    const steps = pointer.split('/').slice(1).map(unescaped);
    let node: unknown = existsSync(file) ? this.document(file) : undefined;
    for (const step of steps) node = (node as Readonly<Record<string, unknown>> | undefined)?.[step];
    if (node === undefined) {
      this.unresolved.add(`${basename(file)}#${pointer}`);
      return null;
    }
    return { node: node as T, file, key: `${file}#${pointer}` };
  }
}

function unescaped(step: string): string {
  return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
}
