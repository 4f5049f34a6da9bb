import { AsyncLocalStorage } from 'node:async_hooks';
import { Random } from './random.js';

/*
 * Virtual time, and everything that happens in it. Whatever a simulated process waits for (an answer of Postgres, Redis or
 * Azure, a timer) is an event; events come one after the other, in the order of their times, and those of one moment in
 * an order by chance. After each event everything that runs without waiting is let run. So a seed decides everything.
 *
 * A process that is killed hears of none of its events any more: its code stays where it waits, for ever. One that is
 * stopped hears of them later.
 */
export class Process {
  alive = true;
  /** Until then it is stopped, as by SIGSTOP. */
  stoppedUntil = 0;
  /** Ways to die: what else has to happen then. */
  readonly atDeath: (() => void)[] = [];
  /** Does what SIGTERM asks for; it dies by itself. */
  askToEnd: () => void = () => undefined;

  constructor(readonly name: string) {}
}

export interface Event {
  at: number;
  readonly tie: number;
  readonly what: string;
  readonly owner: Process | null;
  readonly run: () => unknown;
  cancelled: boolean;
}

const START = Date.UTC(2026, 0, 5, 8);
const inProcess = new AsyncLocalStorage<Process>();
/** Of the real world: virtual time replaces the others. */
const realSetImmediate = setImmediate;

export class Kernel {
  now = START;
  steps = 0;
  /** Told what happens, when somebody wants to read it. */
  trace: ((line: string) => void) | null = null;
  readonly random: Random;
  readonly #events: Event[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** The process whose code is running. */
  get process(): Process | null {
    return inProcess.getStore() ?? null;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.now - START;
  }

  say(line: string): void {
    if (this.trace === null) return;
    const who = this.process?.name ?? '-';
    this.trace(`${(this.elapsed / 1000).toFixed(3).padStart(9)} ${who.padEnd(16)} ${line}`);
  }

  within(owner: Process, work: () => void): void {
    inProcess.run(owner, work);
  }

  kill(process: Process, why: string): void {
    if (!process.alive) return;
    this.say(`${process.name} dies: ${why}`);
    process.alive = false;
    for (const follow of process.atDeath) follow();
  }

  schedule(delayMs: number, what: string, owner: Process | null, run: () => unknown): Event {
    const at = this.now + Math.max(0, delayMs);
    const event = { at, tie: this.random.next(), what, owner, run, cancelled: false };
    this.#push(event);
    return event;
  }

  /** Lets things happen until `done`, or until there is nothing left, or for that long. Returns whether `done` was reached. */
  async run(forMs: number, done: () => boolean, maxSteps = Infinity): Promise<boolean> {
    const end = this.now + forMs;
    while (this.#events.length > 0 && this.#events[0]!.at <= end) {
      const event = this.#pop();
      const { owner } = event;
      if (event.cancelled || owner?.alive === false) continue;
      if (owner !== null && owner.stoppedUntil > event.at) {
        event.at = owner.stoppedUntil;
        this.#push(event);
        continue;
      }
      this.now = event.at;
      if (++this.steps > maxSteps) return false;
      const ran: unknown = owner === null ? event.run() : inProcess.run(owner, event.run);
      if (ran instanceof Promise) await ran;
      await new Promise((resolve) => realSetImmediate(resolve));
      if (done()) return true;
    }
    this.now = Math.max(this.now, Math.min(end, this.#events[0]?.at ?? end));
    return done();
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event {
    const heap = this.#events;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(left: Event, right: Event): boolean {
  return left.at < right.at || (left.at === right.at && left.tie < right.tie);
}
