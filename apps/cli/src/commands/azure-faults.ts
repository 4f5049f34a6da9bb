import { InvalidArgumentError } from 'commander';
import { choice, wholeNumber, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import { FAULT_ID } from '../ids.js';
import { tableOr } from '../output/table.js';
import { formatTime } from '../output/units.js';
import { connect } from '../stack/connect.js';
import type { FaultView } from '../stack/views.js';
import { badUsage } from '../usage.js';

/** What can go wrong with the emulated Azure, and what it means. */
export const FAULTS: Readonly<Record<string, string>> = {
  throttle: '429, with --retry-after SECONDS (default 1) or --retry-after none',
  error: '500, or --status, --code and --message',
  timeout: 'no answer until the client gives up, or 504 after --for SECONDS (default 60); not carried out',
  'reset-before': 'the connection is cut, nothing was carried out',
  'reset-after': 'the connection is cut, and it was carried out',
  'fail-late': 'accepted, and fails at its end; --code and --message',
  cancel: 'accepted, and ends as Canceled (OperationPreempted)',
  'not-found-after-create': 'what was made is not found for --for SECONDS (default 5)',
  'allocation-failed': 'no room for a VM that is made or started: AllocationFailed, ZonalAllocationFailed in a zone',
  quota: 'a VM is refused for want of cores that the list of usages still shows',
  'partial-move': 'a move ends when part of the resources has moved',
  'move-times-out': 'a move ends as timed out although everything has moved',
  'copy-fails': 'a background copy of a snapshot (CopyStart) stops half-way and says why; --code and --message',
  'stuck-detach': 'a disk does not come off its VM until it is forced (ForceDetach)',
  'stale-disk-state': 'a disk reads Unattached and can be deleted while it is being attached',
  'nic-reserved': 'the interface of a VM that could not be made stays reserved for --for SECONDS (default 180)',
};

export function describeFaultCommands(azure: LandfallCommand): void {
  const faults = azure.command('faults').description('make the emulated Azure misbehave');
  faults
    .command('add')
    .description('switch a fault on; it strikes once unless told otherwise')
    .addOption(choice('--kind <kind>', 'what goes wrong', Object.keys(FAULTS)).makeOptionMandatory())
    .option('--operation <name>', 'such as Disks_CreateOrUpdate or disks.create; * stands for anything')
    .option('--resource <pattern>', 'id, or a name; * stands for anything')
    .option('--size <size>', 'only VMs of this size')
    .option('--zone <zone>', 'only what is in this zone')
    .option('--nth <n>', 'only the nth time', wholeNumber(1, 1_000_000))
    .option('--times <n>', 'the first n times', wholeNumber(1, 1_000_000))
    .option('--always', 'every time')
    .option('--retry-after <seconds>', 'a number, or none', secondsOrNone)
    .option('--status <status>', 'of the refusal', wholeNumber(400, 599))
    .option('--code <code>', 'of the refusal')
    .option('--message <text>', 'of the refusal')
    .option('--for <seconds>', 'how long it lasts', wholeNumber(0, 86_400))
    .addHelpText('after', `\nKinds:\n${kindsText()}`)
    .does(addFault);
  faults.command('list').description('those that are switched on, and how often they struck').does(listFaults);
  faults
    .command('clear [id]')
    .description('switch one off, or all')
    .does(clearFaults, { ids: [FAULT_ID] });
}

function kindsText(): string {
  return Object.entries(FAULTS)
    .map(([kind, meaning]) => `  ${kind.padEnd(24)}${meaning}`)
    .join('\n');
}

function secondsOrNone(text: string): number | 'none' {
  if (text === 'none') return text;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds, or none.');
}

interface AddOptions extends CommonOptions {
  readonly kind: string;
  readonly operation?: string;
  readonly resource?: string;
  readonly size?: string;
  readonly zone?: string;
  readonly nth?: number;
  readonly times?: number;
  readonly always?: boolean;
  readonly retryAfter?: number | 'none';
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  readonly for?: number;
}

async function addFault({ options, output }: Call<AddOptions>): Promise<void> {
  const { kind, operation, resource, size, zone, retryAfter, status, code, message } = options;
  const fault = await connect(options.data).azure.post<FaultView>('/_emulator/faults', {
    kind,
    operation,
    resource,
    size,
    zone,
    when: when(options),
    retryAfterSeconds: retryAfter === 'none' ? null : retryAfter,
    status,
    code,
    message,
    forSeconds: options.for,
  });
  output.print(fault, () => `The fault ${fault.id} is switched on: ${faultText(fault)}.`);
}

function when({ nth, times, always }: AddOptions): FaultView['when'] | undefined {
  const given = [nth, times, always].filter((option) => option !== undefined);
  if (given.length > 1) {
    throw badUsage('CONTRADICTION', '--nth, --times and --always exclude one another.', 'Give one of them, or none.');
  }
  if (always === true) return 'always';
  if (nth !== undefined) return { nth };
  return times === undefined ? undefined : { times };
}

async function listFaults({ options, output }: Call): Promise<void> {
  const faults = await connect(options.data).azure.get<FaultView[]>('/_emulator/faults');
  output.print(faults, () =>
    tableOr(
      'No fault is switched on.',
      ['ID', 'KIND', 'OPERATION', 'RESOURCE', 'WHEN', 'MET', 'STRUCK', 'LAST'],
      faults.map((fault) => [
        fault.id,
        fault.kind,
        fault.operation,
        [fault.resource, fault.size, fault.zone === null ? null : `zone ${fault.zone}`].filter(Boolean).join(', '),
        whenText(fault.when),
        fault.matched,
        fault.fired,
        formatTime(fault.lastFiredAt),
      ]),
    ),
  );
}

async function clearFaults({ args, options, output }: Call): Promise<void> {
  const path = args[0] === undefined ? '/_emulator/faults' : `/_emulator/faults/${encodeURIComponent(args[0])}`;
  const cleared = await connect(options.data).azure.delete<FaultView[]>(path);
  output.print(cleared, () =>
    cleared.length === 0
      ? 'No fault was switched on.'
      : cleared.map((fault) => `${fault.id} is switched off; it struck ${fault.fired} time(s).`).join('\n'),
  );
}

function faultText(fault: FaultView): string {
  return `${fault.kind} for ${fault.operation} on ${fault.resource}, ${whenText(fault.when)}`;
}

function whenText(time: FaultView['when']): string {
  if (time === 'always') return 'always';
  if ('nth' in time) return `time ${time.nth} only`;
  return time.times === 1 ? 'once' : `the first ${time.times} times`;
}
