import type { Pairs } from './volatile.js';

/** Where two JSON values differ, but for what differs between any two runs; empty when they don't. */
export function differences(recorded: unknown, replayed: unknown, pairs: Pairs, path = ''): readonly string[] {
  if (typeof recorded === 'string' && typeof replayed === 'string') {
    return pairs.match(recorded, replayed) ? [] : [different(path, recorded, replayed)];
  }
  if (Array.isArray(recorded) && Array.isArray(replayed)) {
    if (recorded.length !== replayed.length) return [different(`${path}.length`, recorded.length, replayed.length)];
    return recorded.flatMap((each, index) => differences(each, replayed[index], pairs, `${path}[${index}]`));
  }
  if (isObject(recorded) && isObject(replayed)) {
    const names = [...new Set([...Object.keys(recorded), ...Object.keys(replayed)])];
    return names.flatMap((name) =>
      differences(recorded[name], replayed[name], pairs, path === '' ? name : `${path}.${name}`),
    );
  }
  return Object.is(recorded, replayed) ? [] : [different(path, recorded, replayed)];
}

function different(path: string, recorded: unknown, replayed: unknown): string {
  return `${path === '' ? 'the body' : path}: ${JSON.stringify(recorded)} and now ${JSON.stringify(replayed)}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
