/** What a test throws that can't be run here; the runner counts it as skipped, and prints the message as the reason. */
class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** Ends the test that calls it, as skipped. `reason` says what is missing. */
export function skip(reason: string): never {
  throw new Skipped(reason);
}
