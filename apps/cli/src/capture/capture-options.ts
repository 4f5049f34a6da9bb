import type { CommonOptions } from '../command-line.js';

/** What `capture` was called with. */
export interface CaptureOptions extends CommonOptions {
  readonly repo: string;
  readonly machine?: string;
  /** In the place of disks of this machine: the resource id of an Azure VM. */
  readonly vm?: string;
  readonly stop?: boolean;
  readonly disk?: readonly string[];
  readonly level: 'computer' | 'volume';
  readonly volume?: readonly string[];
  readonly passwordFile?: string;
}
