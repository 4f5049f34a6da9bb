import { PermanentError } from '@landfall/domain';
import type { Fuzzed, Input } from './target.js';

/** What one run has shown. */
export interface Verdict {
  readonly accepted: boolean;
  /** Sentences. */
  readonly violations: readonly string[];
}

/** Longer ones hold a part of the input that nobody wants to read. */
const LONGEST_MESSAGE = 1_000;

/** An input is read, or refused by an error of the product with a code that fits; anything else is a violation. */
export async function judge(fuzzed: Fuzzed, { bytes, origin, valid }: Input): Promise<Verdict> {
  try {
    const { accepted, faults } = await fuzzed.read(bytes, origin);
    return { accepted, violations: valid && !accepted ? [...faults, 'a valid input was not accepted'] : faults };
  } catch (error) {
    const violations = faultsOfRefusal(error, fuzzed.refusals);
    if (valid) violations.push(`a valid input was refused: ${String(error)}`);
    return { accepted: false, violations };
  }
}

function faultsOfRefusal(error: unknown, codes: readonly string[]): string[] {
  if (!(error instanceof PermanentError)) return [`no error of the product was thrown, but ${described(error)}`];
  if (!codes.includes(error.code)) return [`it was refused with the code ${error.code}: ${described(error)}`];
  return faultsOfMessage(error.message);
}

/** Messages are shown to people, in terminals and in a browser. */
export function faultsOfMessage(message: string): string[] {
  const faults: string[] = [];
  if (message.length > LONGEST_MESSAGE) faults.push(`a message has ${message.length} characters`);
  if (/\p{Cc}/u.test(message))
    faults.push(`a message has control characters: ${JSON.stringify(message.slice(0, 200))}`);
  return faults;
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [place = ''] = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return `${error.constructor.name}: ${error.message.slice(0, 200)} ${place.trim()}`;
}
