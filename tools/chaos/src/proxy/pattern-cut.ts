import type { Observer } from './fault-proxy.js';

/** Cuts a connection once, right behind (or before) a pattern of bytes that passes in one direction. */
export class PatternCut {
  #armed: { pattern: Buffer; direction: 'to-server' | 'to-client'; behind: boolean; fired(): void } | null = null;

  readonly observe = (): Observer => {
    const tails = { 'to-server': Buffer.alloc(0), 'to-client': Buffer.alloc(0) };
    const look = (direction: 'to-server' | 'to-client', chunk: Buffer): number | null => {
      const armed = this.#armed;
      const tail = tails[direction];
      const bytes = Buffer.concat([tail, chunk]);
      tails[direction] = Buffer.from(bytes.subarray(Math.max(0, bytes.length - LONGEST_PATTERN)));
      if (armed?.direction !== direction) return null;
      const found = bytes.indexOf(armed.pattern);
      // One that had passed before the cut was armed does not count.
      if (found < 0 || found + armed.pattern.length <= tail.length) return null;
      this.#armed = null;
      armed.fired();
      return Math.max(0, found + (armed.behind ? armed.pattern.length : 0) - tail.length);
    };
    return {
      toServer: (chunk) => look('to-server', chunk),
      toClient: (chunk) => look('to-client', chunk),
    };
  };

  /** Resolves when it has happened. */
  arm(pattern: string, direction: 'to-server' | 'to-client', where: 'before' | 'behind' = 'behind'): Promise<void> {
    if (pattern.length > LONGEST_PATTERN) throw new RangeError(`A pattern has at most ${LONGEST_PATTERN} bytes.`);
    return new Promise((resolve) => {
      this.#armed = { pattern: Buffer.from(pattern), direction, behind: where === 'behind', fired: resolve };
    });
  }
}

const LONGEST_PATTERN = 256;
