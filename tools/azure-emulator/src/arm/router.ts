import type { Route } from './route.js';

export interface Match {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/*
 * Routes are kept in a tree by path segment, so that finding one takes as many look-ups as the path has segments.
 * A literal segment wins over a parameter.
 */
interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  readonly routes: { readonly route: Route; readonly names: readonly string[] }[];
}

export class Router {
  private readonly root = newNode();

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.add(route);
  }

  /** Null when no operation has this path; `allowed` tells of the path's other methods. */
  find(method: string, path: string): Match | { readonly allowed: readonly string[] } | null {
    const segments = path.split('/').slice(1);
    const node = this.walk(this.root, segments, 0, []);
    if (node === null) return null;
    for (const { route, names } of node.node.routes) {
      if (route.method !== method) continue;
      const parameters: Record<string, string> = {};
      names.forEach((name, index) => (parameters[name] = node.values[index] ?? ''));
      return { route, parameters };
    }
    return { allowed: node.node.routes.map(({ route }) => route.method) };
  }

  private add(route: Route): void {
    const names: string[] = [];
    let node = this.root;
    for (const segment of route.path.split('/').slice(1)) {
      if (segment.startsWith('{')) {
        names.push(segment.slice(1, -1));
        node.parameter ??= newNode();
        node = node.parameter;
      } else {
        const key = segment.toLowerCase();
        const next = node.literals.get(key) ?? newNode();
        node.literals.set(key, next);
        node = next;
      }
    }
    if (node.routes.some((known) => known.route.method === route.method)) {
      throw new Error(`two operations for ${route.method} ${route.path}`);
    }
    node.routes.push({ route, names });
  }

  private walk(
    node: Node,
    segments: readonly string[],
    index: number,
    values: readonly string[],
  ): { node: Node; values: readonly string[] } | null {
    const segment = segments[index];
    if (segment === undefined) return node.routes.length > 0 ? { node, values } : null;
    const literal = node.literals.get(segment.toLowerCase());
    const found = literal === undefined ? null : this.walk(literal, segments, index + 1, values);
    if (found !== null) return found;
    if (node.parameter === undefined || segment === '') return null;
    return this.walk(node.parameter, segments, index + 1, [...values, segment]);
  }
}

function newNode(): Node {
  return { literals: new Map(), parameter: undefined, routes: [] };
}
