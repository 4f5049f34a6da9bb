import type { RestoreView } from '@landfall/contract';
import { isSettled, RESTORE_TRANSITIONS } from '@landfall/domain';

/** Nothing moves any more; a state that this version does not know has not settled. */
export function hasSettled({ state }: Pick<RestoreView, 'state'>): boolean {
  return state in RESTORE_TRANSITIONS && isSettled(state);
}

/* What the emulator of Azure answers with, as far as the command line reads it; dates are ISO 8601 text. */

export interface AzureResourceView {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly provisioningState?: string;
  readonly powerState?: string;
  readonly diskState?: string;
  readonly sizeBytes?: number;
  readonly managedBy?: string;
  /** Left out for what costs nothing. */
  readonly monthlyCostRank?: number;
}

export interface FaultView {
  readonly id: string;
  readonly kind: string;
  readonly operation: string;
  readonly resource: string;
  readonly size: string | null;
  readonly zone: string | null;
  readonly when: 'always' | { readonly times: number } | { readonly nth: number };
  readonly matched: number;
  readonly fired: number;
  readonly lastFiredAt: string | null;
}

/** Of the emulator's settings, those that say how fast it is. */
export interface AzurePaceView {
  readonly delaysMs: Readonly<Record<string, number>>;
  readonly diskBytesPerSecond: number | null;
  readonly workerBytesPerSecond: number | null;
  readonly bandwidthBySize: boolean;
}

export interface WorkerProcessView {
  readonly vm: string;
  readonly name: string;
  readonly pid: number;
}
