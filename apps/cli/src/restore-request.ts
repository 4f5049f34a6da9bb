import { isIPv4 } from 'node:net';
import type { RestoreOrder } from '@landfall/contract';
import { InvalidArgumentError } from 'commander';
import { choice, collect, duration, type CommonOptions, type LandfallCommand, wholeNumber } from './command-line.js';
import { checkedId, POINT_ID } from './ids.js';

/** The options of `plan` and `restore`, as commander parses them. */
export interface RestoreOptions extends CommonOptions {
  readonly point: string;
  readonly to: 'new' | 'original';
  readonly name?: string;
  readonly resourceGroup?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly size?: string;
  readonly subnet?: string;
  readonly privateIp?: string;
  readonly diskSku?: string;
  readonly generation?: 'auto' | '1' | '2';
  readonly disksOnly?: boolean;
  readonly excludeDisk?: string[];
  readonly transfer?: 'worker' | 'direct';
  readonly verify?: 'none' | 'sampled' | 'full';
  readonly archivePriority?: 'standard' | 'high';
  readonly archiveKeep?: number;
  /** False with `--no-power-on`. */
  readonly powerOn: boolean;
  readonly isolated?: boolean;
  readonly bootCheck?: 'none' | 'running' | 'serial';
  readonly bootPattern?: string;
  readonly reason?: string;
  /** Seconds. */
  readonly maxStop?: number;
  readonly waitDays?: number;
}

export function addRestoreOptions(command: LandfallCommand): LandfallCommand {
  return command
    .requiredOption('--point <id>', 'the restore point: its ID, its reference, or the beginning of either')
    .addOption(choice('--to <location>', 'where to', ['new', 'original']).makeOptionMandatory())
    .option('--name <vm>', 'name of the new VM')
    .option('--resource-group <name>', 'resource group of the new VM')
    .option('--region <region>', 'such as westeurope')
    .option('--zone <zone>', 'availability zone')
    .option('--size <size>', 'VM size, such as Standard_D2s_v5')
    .option('--subnet <id>', "the subnet's full Azure ID")
    .option('--private-ip <address>', 'static address in the subnet', ipv4)
    .option('--disk-sku <sku>', 'such as StandardSSD_LRS or Premium_LRS')
    .addOption(choice('--generation <generation>', 'of the VM: 1 (BIOS) or 2 (UEFI)', ['auto', '1', '2']))
    .option('--disks-only', 'make the disks and no VM')
    .option('--exclude-disk <disk>', 'leave out a disk of the point; may be given several times', collect)
    .addOption(choice('--transfer <mode>', 'write on a worker VM, or through SAS', ['worker', 'direct']))
    .addOption(choice('--verify <mode>', 'how much is read back', ['none', 'sampled', 'full']))
    .addOption(choice('--archive-priority <priority>', 'for archived points', ['standard', 'high']))
    .option('--archive-keep <hours>', 'how long what was brought back is kept after the end', wholeNumber(1, 24 * 60))
    .option('--no-power-on', 'leave the restored VM deallocated')
    .option('--isolated', 'in a network of its own that leads nowhere')
    .addOption(
      choice('--boot-check <check>', 'what proves that it boots; with --to original, of copies', [
        ...['none', 'running', 'serial'],
      ]),
    )
    .option('--boot-pattern <text>', 'what its serial console has to show; left out: a prompt to sign in at')
    .option(
      '--max-stop <duration>',
      'how long a replaced VM may stand still before it is removed, such as 2h',
      duration,
    )
    .option('--wait-days <days>', 'how long an approval is waited for, 1 to 30', wholeNumber(1, 30))
    .option('--reason <text>', 'kept with the restore, for those who ask later');
}

/**
 * The body of POST /v1/restore-plans and /v1/restores: what was not given is left to the API's defaults.
 * @throws BadInputError `ID_INVALID`
 */
export function restoreBody(options: RestoreOptions): RestoreOrder {
  return {
    restorePointId: checkedId(options.point, POINT_ID),
    destination: given({
      kind: options.to,
      name: options.name,
      resourceGroup: options.resourceGroup,
      region: options.region,
      zone: options.zone,
      size: options.size,
      subnetId: options.subnet,
      privateIp: options.privateIp,
      diskSku: options.diskSku,
    }),
    ...given({
      generation: generationOf(options.generation),
      disksOnly: options.disksOnly,
      excludeDisks: options.excludeDisk,
      transfer: options.transfer,
      verify: options.verify,
      archivePriority: options.archivePriority,
      archiveKeepHours: options.archiveKeep,
      powerOn: options.powerOn ? undefined : false,
      isolated: options.isolated,
      bootCheck: options.bootCheck,
      bootPattern: options.bootPattern,
      reason: options.reason,
      maxStopSeconds: options.maxStop,
      waitDays: options.waitDays,
    }),
  };
}

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}

function generationOf(generation: RestoreOptions['generation']): 'auto' | 1 | 2 | undefined {
  if (generation === undefined || generation === 'auto') return generation;
  return generation === '1' ? 1 : 2;
}

function ipv4(address: string): string {
  if (isIPv4(address)) return address;
  throw new InvalidArgumentError('It must be an IPv4 address, such as 10.20.1.10.');
}
