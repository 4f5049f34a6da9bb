import { setTimeout as pause } from 'node:timers/promises';
import { kindOf, LandfallError } from '@landfall/domain';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface Patience {
  readonly signal: AbortSignal;
  /** Told before each pause. */
  readonly onRetry?: (error: unknown, attempt: number) => void;
}

/**
 * Repeats what may succeed the next time until it does or the signal ends it: pauses of 0.2 s, doubled up to 5 s, less
 * up to a half at random.
 * @throws what `attempt` throws, when it is not a retryable LandfallError; the signal's reason
 */
export async function patiently<T>(attempt: () => Promise<T>, { signal, onRetry }: Patience): Promise<T> {
  for (let count = 1; ; count += 1) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LandfallError) || kindOf(error) === 'permanent') throw error;
      onRetry?.(error, count);
      const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (count - 1));
      await pause(longest * (0.5 + Math.random() / 2), undefined, { signal });
    }
  }
}
