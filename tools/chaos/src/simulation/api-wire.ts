import { LandfallError, RetryableError } from '@landfall/domain';
import type { Gates } from './gates.js';
import type { Process } from './kernel.js';
import type { Connections } from './shared-books.js';

/*
 * The way from data-movers to the APIs behind one address. A request is lost, comes twice, or its answer is lost; whichever
 * API has it may die in the middle, and is not heard of again.
 */
export interface ApiFaults {
  lost: number;
  answerLost: number;
  /** A second time, at once or up to half a minute later. */
  twice: number;
}

export const NO_API_FAULTS: Readonly<ApiFaults> = { lost: 0, answerLost: 0, twice: 0 };

const TIMEOUT_MS = 15_000;
const MOST_LATE_MS = 30_000;

export class ApiWire {
  faults: ApiFaults = { ...NO_API_FAULTS };
  /** Until then nobody is reached. */
  downUntil = 0;
  readonly #apis = new Map<Process, Connections>();

  constructor(private readonly gates: Gates) {}

  /** An API that has started. */
  serve(process: Process, connections: Connections): void {
    this.#apis.set(process, connections);
    process.atDeath.push(() => this.#apis.delete(process));
  }

  /**
   * @param serve what the API does, in its own process
   * @throws RetryableError where the request or its answer was lost, or the API could not do it just now
   */
  call<T>(what: string, serve: (api: Connections) => Promise<T>): Promise<T> {
    const { kernel } = this.gates;
    const { random, process: caller } = kernel;
    if (caller?.alive === false) return new Promise(() => undefined);
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const end = (after: number, settle: () => void): void => {
        kernel.schedule(after, `answer to ${what}`, caller, () => {
          if (!isOver) settle();
          isOver = true;
        });
      };
      const lose = (): void => end(this.#latency(), () => reject(unreachable()));
      end(TIMEOUT_MS, () => reject(unreachable()));
      const arrive = (): void => {
        const [api, connections] = random.pick([...this.#apis]) ?? [];
        if (api === undefined || connections === undefined || kernel.now < this.downUntil) return lose();
        if (random.chance(this.faults.lost)) return lose();
        kernel.within(api, () => {
          kernel.say(`asked: ${what}`);
          serve(connections).then(
            (value) => {
              if (random.chance(this.faults.answerLost)) lose();
              else end(this.#latency(), () => resolve(value));
            },
            (error: unknown) => end(this.#latency(), () => reject(asAnswered(error))),
          );
        });
      };
      kernel.schedule(this.#latency(), what, null, arrive);
      if (random.chance(this.faults.twice)) {
        kernel.schedule(random.pick([0, random.between(0, MOST_LATE_MS)]), `${what}, again`, null, arrive);
      }
    });
  }

  #latency(): number {
    const { random } = this.gates.kernel;
    return random.chance(this.gates.faults.slow) ? random.between(500, 14_000) : random.between(0, 12);
  }
}

/** As the client makes it of an answer: what may pass by itself may be asked again. */
function asAnswered(error: unknown): unknown {
  if (!(error instanceof LandfallError)) return unreachable();
  return error.kind === 'permanent' ? error : new RetryableError(error.toDetails());
}

function unreachable(): RetryableError {
  return new RetryableError({ code: 'API_UNREACHABLE', message: 'The API does not answer.', fix: 'Ask again.' });
}
