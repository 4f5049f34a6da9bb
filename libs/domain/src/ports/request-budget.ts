/*
 * How often Azure may be asked. Azure counts requests for a subscription, whoever of us sends them, so there is one budget
 * for all processes. Whoever sends a request takes it from the budget first and says afterwards what Azure answered.
 */
export interface RequestBudget {
  /**
   * Waits until the request may go out.
   * @throws WaitingError `AZURE_BUDGET_SPENT` when that would take long, with the time after which to ask again
   * @throws the signal's reason
   */
  take(request: BudgetedRequest, signal?: AbortSignal): Promise<void>;
  /** After "too many requests" nothing of that kind goes out, from no process, for as long as Azure asked. */
  answered(request: BudgetedRequest, answer: BudgetAnswer): Promise<void>;
  /** Whoever still waits is told to come back. */
  close(): Promise<void>;
}

export type RequestKind = 'read' | 'write' | 'delete';

export interface BudgetedRequest {
  readonly kind: RequestKind;
  /** The ID of the VM that it changes, as Azure counts those one by one. */
  readonly vm: string | null;
}

export interface BudgetAnswer {
  readonly status: number;
  readonly retryAfterMs: number | null;
  /** What Azure says is left of its own count. */
  readonly remaining: number | null;
}
