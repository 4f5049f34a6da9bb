import { z } from 'zod';
import { POLICY } from './policy.js';
import { PRINCIPAL } from './principal.js';
import { THROTTLING } from './throttling.js';
import type { State } from '../state/state.js';

/*
 * What can be set while the emulator runs. Values given at the start are the defaults; what is set later is kept
 * with the state and wins.
 */
export const SETTINGS = z.strictObject({
  /** Milliseconds that a long-running operation takes when its kind has no time of its own. */
  delayMs: z.number().int().min(0),
  /** By kind of operation, such as `virtualMachines.create`. */
  delaysMs: z.record(z.string(), z.number().int().min(0)),
  /** Milliseconds from the end of the operation until a snapshot's bytes have come that are copied in the background. */
  backgroundCopyMs: z.number().int().min(0),
  /** What answers to long-running operations carry as `Retry-After`, when their kind has none of its own. */
  retryAfterSeconds: z.number().int().min(0),
  /** By kind of operation, or by what kinds begin with, such as `disks` or `resources.move`. */
  retryAfterSecondsOf: z.record(z.string(), z.number().int().min(0)),
  /** Cores by family name (any region) or `family@region`; `cores` is the region's total. */
  coreLimits: z.record(z.string(), z.number().int().min(0)),
  /** VM sizes that the subscription can't have in a region, or in some of its zones; beside those of the catalogue. */
  sizeRestrictions: z.array(
    z.strictObject({ size: z.string(), region: z.string(), zones: z.array(z.string()).min(1).optional() }),
  ),
  /** What a VM that nothing runs has written to its serial port. */
  serialLog: z.string(),
  /** What every script that is run in a VM is said to have printed. */
  runCommandOutput: z.strictObject({ stdout: z.string(), stderr: z.string() }),
  /** Provider namespaces that are not registered. */
  unregisteredProviders: z.array(z.string()),
  /** By token; the emulator's own token is the owner's and isn't among them. */
  principals: z.record(z.string().min(1), PRINCIPAL),
  policies: z.array(POLICY),
  /** Null: nobody is throttled. `{}`: as Azure does it. */
  throttling: THROTTLING.nullable(),
  /** Of each disk, through its shared access signature; null: no limit of its own. */
  diskBytesPerSecond: z.number().int().min(1).nullable(),
  /** Of each worker VM, shared by its data-movers; it holds for those that are started afterwards. */
  workerBytesPerSecond: z.number().int().min(1).nullable(),
  /** Where no number is set: as fast as Azure lets a disk or a VM of its size be. */
  bandwidthBySize: z.boolean(),
});

export type SettingValues = z.infer<typeof SETTINGS>;

export const DEFAULT_SETTINGS: SettingValues = {
  delayMs: 0,
  delaysMs: {},
  backgroundCopyMs: 200,
  retryAfterSeconds: 0,
  retryAfterSecondsOf: {},
  coreLimits: {},
  sizeRestrictions: [],
  serialLog: '',
  runCommandOutput: { stdout: 'This machine is emulated: the script was not run.', stderr: '' },
  unregisteredProviders: [],
  principals: {},
  policies: [],
  throttling: null,
  diskBytesPerSecond: null,
  workerBytesPerSecond: null,
  bandwidthBySize: false,
};

export class Settings {
  private read: { readonly kept: unknown; readonly values: SettingValues } | null = null;

  constructor(
    private readonly state: State,
    private readonly defaults: SettingValues,
  ) {}

  get values(): SettingValues {
    const kept = this.state.get('settings', 'settings')?.value ?? null;
    if (this.read !== null && this.read.kept === kept) return this.read.values;
    const parsed = SETTINGS.partial().safeParse(kept ?? {});
    const values = { ...this.defaults, ...(parsed.success ? parsed.data : {}) };
    this.read = { kept, values };
    return values;
  }

  change(values: Partial<SettingValues>): void {
    const next = { ...this.values, ...values };
    this.state.commit([{ table: 'settings', key: 'settings', value: { value: next } }]);
  }

  retryAfterSecondsOf(operationKind: string): number {
    const { retryAfterSecondsOf, retryAfterSeconds } = this.values;
    const family = operationKind.slice(0, operationKind.indexOf('.'));
    return retryAfterSecondsOf[operationKind] ?? retryAfterSecondsOf[family] ?? retryAfterSeconds;
  }

  delayMsOf(operationKind: string): number {
    const { delaysMs, delayMs } = this.values;
    return delaysMs[operationKind] ?? delayMs;
  }
}
