/** One request as the emulator answered it; bodies and credentials are not kept. */
export interface LoggedCall {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly operation: string | null;
  readonly apiVersion: string | null;
  readonly status: number;
  /** The tags in the request's body, so that tests can tell whose call it was. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly errorCode?: string;
  /** The fault by which the answer got lost; `status` is then what was lost, or 0. */
  readonly fault?: string;
}

/** The latest calls, oldest first; older ones are dropped. */
export class CallLog {
  private calls: LoggedCall[] = [];

  constructor(private readonly capacity = 10_000) {}

  add(call: LoggedCall): void {
    this.calls.push(call);
    if (this.calls.length > this.capacity * 1.1) this.calls = this.calls.slice(-this.capacity);
  }

  list(): readonly LoggedCall[] {
    return this.calls.slice(-this.capacity);
  }

  clear(): void {
    this.calls = [];
  }
}
