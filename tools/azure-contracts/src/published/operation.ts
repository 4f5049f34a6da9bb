import type { Shape } from '../shapes/shape.js';

/** One operation as Microsoft publishes it. */
export interface PublishedOperation {
  /** Package or document, with its version. */
  readonly source: string;
  /** Such as `disks.createOrUpdate`. */
  readonly id: string;
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
  readonly query: readonly QueryParameter[];
  /** Null: the operation takes no body. */
  readonly body: { readonly shape: Shape; readonly required: boolean } | null;
  /** By status; `error` holds for all that are not declared and are at least 400. */
  readonly answers: ReadonlyMap<number, PublishedAnswer>;
  readonly error: PublishedAnswer | null;
}

export interface QueryParameter {
  readonly name: string;
  readonly required: boolean;
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  readonly values?: readonly string[];
}

export interface PublishedAnswer {
  /** Null: the answer has no body. */
  readonly body: Shape | null;
}

/** Finds the operation that a request belongs to. */
export class OperationIndex {
  private readonly entries: readonly { readonly operation: PublishedOperation; readonly pattern: RegExp }[];

  constructor(readonly operations: readonly PublishedOperation[]) {
    this.entries = operations
      .filter(({ path }) => !isGeneric(path))
      .map((operation) => ({ operation, pattern: pathPattern(operation.path) }))
      .sort((a, b) => literals(b.operation.path) - literals(a.operation.path));
  }

  /** The most literal path wins; the case of the path decides nothing. */
  find(method: string, path: string): PublishedOperation | null {
    const found = this.entries.find(({ operation, pattern }) => operation.method === method && pattern.test(path));
    return found?.operation ?? null;
  }
}

/** Paths that fit every resource of every provider tell nothing of its shape. */
function isGeneric(path: string): boolean {
  return /^\/\{[^}]+\}$|\{resourceProviderNamespace\}\/\{parentResourcePath\}|^\{nextLink\}$/.test(path);
}

function pathPattern(template: string): RegExp {
  const segments = template.split('/').map((segment) => {
    if (segment === '{scope}') return '.+';
    return segment.startsWith('{') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}/?$`, 'i');
}

function literals(template: string): number {
  return template.split('/').filter((segment) => segment !== '' && !segment.startsWith('{')).length;
}
