/** One thing that `doctor` has looked at. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly detail: string;
  /** What to do; only where the state is not `ok`. */
  readonly fix?: string;
}
