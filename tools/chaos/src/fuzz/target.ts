import { crc32 } from 'node:zlib';
import { seededRandom } from '../matrix/seeded.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateText } from './mutate-text.js';

/*
 * What is fuzzed: a parser of the product, with valid inputs to begin from. Run 0 and the following ones read the valid
 * inputs as they are, which have to be accepted; then come the hostile ones as they are; each further run changes one of
 * the valid inputs. Seed, target and number of a run say everything of its input.
 */
export interface Target {
  readonly name: string;
  /** Of all runs, relative to the other targets: what takes more time or has fewer ways to go wrong gets fewer. */
  readonly share: number;
  make(): Fuzzed;
}

export interface Fuzzed {
  /** Text is changed by its values and keys most of the time, and by its bytes else. */
  readonly kind: 'bytes' | 'text';
  readonly inputs: readonly Buffer[];
  /** Made by hand to take more time or memory than they should; never changed. */
  readonly hostile?: readonly Buffer[];
  /** Processor time that a run may take; 1 s when left out. */
  readonly mostMs?: number;
  /** Codes of the product's errors with which the input may be refused. */
  readonly refusals: readonly string[];
  /**
   * Has the product read the input, and throws what it throws.
   * @param origin number of the valid input that was changed
   */
  read(input: Buffer, origin: number): Promise<Reading>;
}

export interface Reading {
  /** False: the product took it, and said that something is wrong with it. */
  readonly accepted: boolean;
  /** What is wrong with the product's answer; sentences. */
  readonly faults: readonly string[];
}

export interface Input {
  readonly bytes: Buffer;
  readonly origin: number;
  /** Not changed, and so to be accepted. */
  readonly valid: boolean;
}

export function inputOf(target: Target, fuzzed: Fuzzed, seed: number, run: number): Input {
  const { inputs, hostile = [] } = fuzzed;
  const valid = inputs[run];
  if (valid !== undefined) return { bytes: Buffer.from(valid), origin: run, valid: true };
  const made = hostile[run - inputs.length];
  if (made !== undefined) return { bytes: Buffer.from(made), origin: 0, valid: false };
  const random = seededRandom(crc32(`${seed}/${target.name}/${run}`));
  const origin = Math.floor(random() * inputs.length);
  const other = inputs[Math.floor(random() * inputs.length)]!;
  const mutate = fuzzed.kind === 'text' && random() < 0.75 ? mutateText : mutateBytes;
  return { bytes: mutate(inputs[origin]!, other, random), origin, valid: false };
}

/** How many of `runs` fall to each target; together exactly as many. */
export function shareOut(targets: readonly Target[], runs: number): readonly number[] {
  const all = targets.reduce((sum, target) => sum + target.share, 0);
  let given = 0;
  let before = 0;
  return targets.map((target) => {
    given += target.share;
    const until = Math.round((runs * given) / all);
    const part = until - before;
    before = until;
    return part;
  });
}
