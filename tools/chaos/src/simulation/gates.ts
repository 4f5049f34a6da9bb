import { RetryableError } from '@landfall/domain';
import type { Kernel, Process } from './kernel.js';

/*
 * What lies between a process and the world: every call goes out, has its effect, and is answered, each after a while; and
 * a process may die before the effect, after it, and before the answer.
 */
export interface Faults {
  /** Of each point that a process passes: it dies there. */
  crash: number;
  /** Of each call of Postgres: nothing is done, and it throws. */
  postgresLost: number;
  /** Of each call of Postgres: done, and it throws. */
  postgresUnknown: number;
  redisLost: number;
  redisUnknown: number;
  /** Of each call: it takes seconds. */
  slow: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  crash: 0,
  postgresLost: 0,
  postgresUnknown: 0,
  redisLost: 0,
  redisUnknown: 0,
  slow: 0,
};

/** Thrown into code whose process has just died; nobody hears of it. */
export class Dead extends Error {}

export class Gates {
  faults: Faults = { ...NO_FAULTS };
  postgresDownUntil = 0;
  redisDownUntil = 0;
  /** Crash points that were passed, and at which a process has died, over the run. */
  readonly reached = new Map<string, number>();
  readonly died = new Map<string, number>();

  constructor(readonly kernel: Kernel) {}

  postgres<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    const down = () => this.kernel.now < this.postgresDownUntil;
    return this.#call(what, work, down, this.faults.postgresLost, this.faults.postgresUnknown, 'POSTGRES_UNREACHABLE');
  }

  redis<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    const down = () => this.kernel.now < this.redisDownUntil;
    return this.#call(what, work, down, this.faults.redisLost, this.faults.redisUnknown, 'REDIS_UNREACHABLE');
  }

  /** Anything else: a disk, Azure. What goes wrong with it is its own affair. */
  call<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    return this.#call(what, work, () => false, 0, 0, '');
  }

  /** For `withCrashPoints`: within a transaction it rolls back. */
  readonly hook = (point: string): void => {
    this.reached.set(point, (this.reached.get(point) ?? 0) + 1);
    if (!this.#dies(this.kernel.process, point, 5)) return;
    this.died.set(point, (this.died.get(point) ?? 0) + 1);
    throw new Dead(`The process dies at ${point}.`);
  };

  #call<T>(
    what: string,
    work: () => Promise<T> | T,
    isDown: () => boolean,
    lost: number,
    unknown: number,
    code: string,
  ): Promise<T> {
    const { kernel } = this;
    const { random, process } = kernel;
    if (process?.alive === false) return new Promise(() => undefined);
    const latency = (): number =>
      random.chance(this.faults.slow) ? random.between(500, 20_000) : random.between(0, 12);
    return new Promise<T>((resolve, reject) => {
      kernel.schedule(latency(), what, process, async () => {
        if (this.#dies(process, `before ${what}`)) return;
        let end: () => void;
        if (isDown() || random.chance(lost)) {
          kernel.say(`${what}: not done, ${code}`);
          end = () => reject(unreachable(code));
        } else {
          end = await settled(work, resolve, reject);
          if (process?.alive === false) return;
          if (random.chance(unknown)) {
            kernel.say(`${what}: done, and the answer is lost`);
            end = () => reject(unreachable(code));
          } else kernel.say(what);
        }
        if (this.#dies(process, `after ${what}`)) return;
        if (random.chance(0.1)) kernel.schedule(latency(), `answer to ${what}`, process, end);
        else end();
      });
    });
  }

  #dies(process: Process | null, why: string, times = 1): boolean {
    if (process?.alive === false) return true;
    if (process === null || !this.kernel.random.chance(times * this.faults.crash)) return false;
    this.kernel.kill(process, why);
    return true;
  }
}

async function settled<T>(
  work: () => Promise<T> | T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Promise<() => void> {
  try {
    const value = await work();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}

function unreachable(code: string): RetryableError {
  return new RetryableError({ code, message: `${code}, by chance.`, fix: 'Nothing has to be done.' });
}
