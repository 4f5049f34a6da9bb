import { z } from 'zod';
import type { State } from './state/state.js';

/*
 * What can be set while the emulator runs. Values given at the start are the defaults; what is set later is kept
 * with the state and wins.
 */
export const SETTINGS = z.strictObject({
  /** Milliseconds that a long-running operation takes when its kind has no time of its own. */
  delayMs: z.number().int().min(0),
  /** By kind of operation, such as `virtualMachines.create`. */
  delaysMs: z.record(z.string(), z.number().int().min(0)),
  /** What answers to long-running operations carry as `Retry-After`. */
  retryAfterSeconds: z.number().int().min(0),
  /** Cores by family name (any region) or `family@region`; `cores` is the region's total. */
  coreLimits: z.record(z.string(), z.number().int().min(0)),
  /** Provider namespaces that are not registered. */
  unregisteredProviders: z.array(z.string()),
});

export type SettingValues = z.infer<typeof SETTINGS>;

export const DEFAULT_SETTINGS: SettingValues = {
  delayMs: 0,
  delaysMs: {},
  retryAfterSeconds: 0,
  coreLimits: {},
  unregisteredProviders: [],
};

export class Settings {
  constructor(
    private readonly state: State,
    private readonly defaults: SettingValues,
  ) {}

  get values(): SettingValues {
    const kept = SETTINGS.partial().safeParse(this.state.get('settings', 'settings')?.value ?? {});
    return { ...this.defaults, ...(kept.success ? kept.data : {}) };
  }

  change(values: Partial<SettingValues>): void {
    const next = { ...this.values, ...values };
    this.state.commit([{ table: 'settings', key: 'settings', value: { value: next } }]);
  }

  delayMsOf(operationKind: string): number {
    const { delaysMs, delayMs } = this.values;
    return delaysMs[operationKind] ?? delayMs;
  }
}
