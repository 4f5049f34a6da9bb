import { InvalidArgumentError } from 'commander';
import { choice, wholeNumber, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import { formatTable } from '../output/table.js';
import { connect } from '../stack/connect.js';
import type { AzurePaceView } from '../stack/views.js';
import { badUsage } from '../usage.js';

/** How fast the emulated Azure is: the time that its operations take, and its bandwidth. */
export function describePaceCommands(azure: LandfallCommand): void {
  azure
    .command('delay [kind] [milliseconds]')
    .description('how long operations take; "all" for those without a time of their own')
    .option('--retry-after <seconds>', 'what clients are told to wait between polls', wholeNumber(0, 3_600))
    .option('--reset', 'take all times of single kinds away')
    .does(delay);
  azure
    .command('bandwidth')
    .description('limit what disks (through their SAS) and workers take, in MB/s')
    .option('--disk <mbps>', 'of each disk; off: no limit', megabytesOrOff)
    .option('--worker <mbps>', 'of each worker launched from now on; off: no limit', megabytesOrOff)
    .addOption(choice('--by-size <on|off>', 'otherwise as Azure does, by size', ['on', 'off']))
    .does(bandwidth);
}

interface DelayOptions extends CommonOptions {
  readonly retryAfter?: number;
  readonly reset?: boolean;
}

async function delay({ args, options, output }: Call<DelayOptions>): Promise<void> {
  const { azure } = connect(options.data);
  const [kind, text] = args;
  if (kind !== undefined) {
    if (text === undefined || !/^\d{1,9}$/.test(text)) {
      throw badUsage('DELAY_INVALID', `"${text ?? ''}" is no time.`, 'Give whole milliseconds: azure delay KIND 1500.');
    }
  }
  const { delaysMs } = await azure.get<AzurePaceView>('/_emulator/settings');
  const kept = options.reset === true ? {} : delaysMs;
  const settings = {
    ...(options.retryAfter === undefined ? {} : { retryAfterSeconds: options.retryAfter }),
    ...(kind === 'all' ? { delayMs: Number(text) } : {}),
    delaysMs: kind === undefined || kind === 'all' ? kept : { ...kept, [kind]: Number(text) },
  };
  const isChange = kind !== undefined || options.retryAfter !== undefined || options.reset === true;
  if (isChange) await azure.patch<AzurePaceView>('/_emulator/settings', settings);
  const kinds = await azure.get<{ name: string; delayMs: number }[]>('/_emulator/operation-kinds');
  output.print(kinds, () =>
    formatTable(
      ['OPERATION', 'MS'],
      kinds.map(({ name, delayMs }) => [name, delayMs]),
    ),
  );
}

interface BandwidthOptions extends CommonOptions {
  readonly disk?: number | 'off';
  readonly worker?: number | 'off';
  readonly bySize?: 'on' | 'off';
}

async function bandwidth({ options, output }: Call<BandwidthOptions>): Promise<void> {
  const { azure } = connect(options.data);
  const changes = {
    ...(options.disk === undefined ? {} : { diskBytesPerSecond: limitOf(options.disk) }),
    ...(options.worker === undefined ? {} : { workerBytesPerSecond: limitOf(options.worker) }),
    ...(options.bySize === undefined ? {} : { bandwidthBySize: options.bySize === 'on' }),
  };
  const settings = await (Object.keys(changes).length === 0
    ? azure.get<AzurePaceView>('/_emulator/settings')
    : azure.patch<AzurePaceView>('/_emulator/settings', changes));
  const { diskBytesPerSecond, workerBytesPerSecond, bandwidthBySize } = settings;
  output.print({ diskBytesPerSecond, workerBytesPerSecond, bandwidthBySize }, () =>
    [
      `each disk:   ${limitText(diskBytesPerSecond, bandwidthBySize)}`,
      `each worker: ${limitText(workerBytesPerSecond, bandwidthBySize)}`,
    ].join('\n'),
  );
}

function limitOf(option: number | 'off'): number | null {
  return option === 'off' ? null : option;
}

function limitText(bytesPerSecond: number | null, bySize: boolean): string {
  if (bytesPerSecond !== null) return `${bytesPerSecond / 1e6} MB/s`;
  return bySize ? 'by its size, as in Azure' : 'no limit';
}

function megabytesOrOff(text: string): number | 'off' {
  if (text === 'off') return text;
  const bytes = Math.round(Number(text) * 1e6);
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && bytes >= 1) return bytes;
  throw new InvalidArgumentError('It must be a number of MB/s such as 60 or 0.5, or off.');
}
