import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import type { Event, Kernel } from './kernel.js';

/*
 * Clocks, timers and chance of the whole program, taken from a kernel while one is set. The production code reads them
 * where everybody does, and needs no clock of its own for the sake of a simulation.
 *
 * For processes and tests that do nothing but simulate: a timer that is set in a simulation never fires outside of it.
 */

// Not by an import: who imports them before they are changed keeps what they were, in a test all that come after as well.
const crypto = process.getBuiltinModule('node:crypto');
const timersPromises = process.getBuiltinModule('node:timers/promises');

let kernel: Kernel | null = null;

const RealDate = Date;
const real = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  random: Math.random,
  now: performance.now.bind(performance),
  pause: timersPromises.setTimeout,
  randomBytes: crypto.randomBytes,
};

/** What `setTimeout` gives back. */
class VirtualTimer {
  event: Event | null = null;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

class VirtualDate extends RealDate {
  constructor(...parameters: [] | [number | string | Date]) {
    if (parameters.length === 0 && kernel !== null) super(kernel.now);
    else super(...(parameters as [number]));
  }

  static override now(): number {
    return kernel?.now ?? RealDate.now();
  }
}

function timer(of: Kernel, callback: () => void, delayMs: number, repeat: boolean): VirtualTimer {
  const made = new VirtualTimer();
  const owner = of.process;
  const arm = (): void => {
    made.event = of.schedule(Math.max(1, delayMs), 'timer', owner, () => {
      if (repeat) arm();
      callback();
    });
  };
  arm();
  return made;
}

function pause<T>(delayMs = 1, value?: T, options: { signal?: AbortSignal } = {}): Promise<T> {
  if (kernel === null) return real.pause(delayMs, value, options) as Promise<T>;
  const of = kernel;
  const { signal } = options;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    const made = timer(of, () => finish(() => resolve(value as T)), delayMs, false);
    const onAbort = (): void => finish(() => reject(aborted(signal)));
    const finish = (end: () => void): void => {
      if (made.event) made.event.cancelled = true;
      signal?.removeEventListener('abort', onAbort);
      end();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function aborted(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** Once for a process or test, before the production code is first imported. Returns what takes them out again. */
export function installVirtualGlobals(): () => void {
  const begin =
    (repeat: boolean, otherwise: typeof real.setTimeout | typeof real.setInterval) =>
    (callback: (...all: unknown[]) => void, delayMs = 1, ...parameters: unknown[]): unknown =>
      kernel === null
        ? otherwise(callback, delayMs, ...parameters)
        : timer(kernel, () => callback(...parameters), delayMs, repeat);
  const end =
    (otherwise: typeof real.clearTimeout) =>
    (made: unknown): void => {
      if (!(made instanceof VirtualTimer)) otherwise(made as NodeJS.Timeout);
      else if (made.event) made.event.cancelled = true;
    };
  const takenOut: (() => void)[] = [];
  const put = <T extends object>(into: T, virtual: Partial<Record<keyof T, unknown>>): void => {
    const before = Object.fromEntries(Object.keys(virtual).map((name) => [name, into[name as keyof T]]));
    takenOut.push(() => Object.assign(into, before));
    Object.assign(into, virtual);
  };
  put(globalThis, {
    Date: VirtualDate,
    setTimeout: Object.assign(begin(false, real.setTimeout), { [promisify.custom]: pause }),
    setInterval: begin(true, real.setInterval),
    clearTimeout: end(real.clearTimeout),
    clearInterval: end(real.clearInterval),
  });
  put(Math, { random: () => kernel?.random.next() ?? real.random() });
  put(performance, { now: () => kernel?.elapsed ?? real.now() });
  // One key pair does for all: only its public half is looked at, and making one takes a while.
  const pair = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  put(timersPromises, { setTimeout: pause });
  put(crypto, {
    randomBytes: (size: number) => (kernel === null ? real.randomBytes(size) : bytesByChance(kernel, size)),
    generateKeyPair: Object.assign(() => undefined, { [promisify.custom]: () => Promise.resolve(pair) }),
  });
  syncBuiltinESMExports();
  return () => {
    for (const takeOut of takenOut) takeOut();
    syncBuiltinESMExports();
  };
}

/** Null: the real world again. */
export function liveIn(next: Kernel | null): void {
  kernel = next;
}

function bytesByChance({ random }: Kernel, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => random.between(0, 255)));
}
