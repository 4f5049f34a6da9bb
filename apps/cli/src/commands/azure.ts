import { resolve } from 'node:path';
import { choice, collect, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import type { AzureEmulator } from '../stack/azure-emulator.js';
import { connect } from '../stack/connect.js';
import type { AzureResourceView } from '../stack/views.js';
import { describeFaultCommands } from './azure-faults.js';
import { listAzure } from './azure-list.js';
import { describePaceCommands } from './azure-pace.js';
import { AZURE_NAME } from '../ids.js';
import { badUsage } from '../usage.js';

/** Looks into the emulated Azure of a local stack; there is no such command for Azure itself. */
export function describeAzureCommands(program: LandfallCommand): void {
  const azure = program.command('azure').description('the emulated Azure of a local stack');
  azure
    .command('list')
    .description('everything that exists in it, what costs money first')
    .option('--resource-group <name>', 'only what is in this resource group')
    .option('--owner <id>', 'only what an appliance or a restore owns')
    .does(listAzure);
  azure
    .command('show <resource>')
    .description('one resource (ID, or name), as Azure would answer')
    .does(showResource, OF_RESOURCE);
  azure
    .command('disk-path <disk>')
    .description('the file that holds a disk (ID, or name)')
    .does(showDiskPath, OF_RESOURCE);
  azure
    .command('create-vm')
    .description('make a VM out of disk images')
    .requiredOption('--name <name>', 'its name')
    .requiredOption('--resource-group <name>', 'an existing resource group')
    .requiredOption('--os-disk <file>', 'raw image of the OS disk')
    .option('--data-disk <file>', 'raw image of a data disk; may be given several times', collect)
    .option('--region <region>', "default: the resource group's")
    .option('--size <size>', 'VM size')
    .addOption(choice('--generation <generation>', 'of the VM', ['1', '2']))
    .does(createVm);
  describeFaultCommands(azure);
  describePaceCommands(azure);
}

const OF_RESOURCE = { ids: [AZURE_NAME] };

async function showResource({ args, options, output }: Call): Promise<void> {
  const { azure } = connect(options.data);
  const id = await idOf(args[0]!, azure);
  const resource = await azure.get<unknown>(`/_emulator/resource?id=${encodeURIComponent(id)}`);
  output.print(resource, () => JSON.stringify(resource, null, 2));
}

async function showDiskPath({ args, options, output }: Call): Promise<void> {
  const { azure } = connect(options.data);
  const id = await idOf(args[0]!, azure, ['disks', 'snapshots']);
  const disk = await azure.get<{ path: string }>(`/_emulator/disk-path?id=${encodeURIComponent(id)}`);
  output.print({ id, path: disk.path }, () => disk.path);
}

/** An ID as it is; for a name, the ID of the one resource that has it. */
async function idOf(idOrName: string, azure: AzureEmulator, types?: readonly string[]): Promise<string> {
  if (idOrName.startsWith('/')) return idOrName;
  const all = await azure.get<AzureResourceView[]>('/_emulator/resources');
  const named = all.filter(
    ({ name, type }) =>
      name.toLowerCase() === idOrName.toLowerCase() && (types ?? [type.split('/')[1]!]).includes(type.split('/')[1]!),
  );
  if (named.length === 1) return named[0]!.id;
  throw badUsage(
    named.length === 0 ? 'RESOURCE_NOT_FOUND' : 'NAME_AMBIGUOUS',
    named.length === 0
      ? `Nothing in the emulated Azure is named "${idOrName}".`
      : `Several resources are named "${idOrName}": ${named.map(({ id }) => id).join(', ')}.`,
    'Give a resource ID; "./landfall azure list --json" shows them.',
  );
}

interface CreateVmOptions extends CommonOptions {
  readonly name: string;
  readonly resourceGroup: string;
  readonly osDisk: string;
  readonly dataDisk?: readonly string[];
  readonly region?: string;
  readonly size?: string;
  readonly generation?: '1' | '2';
}

async function createVm({ options, output }: Call<CreateVmOptions>): Promise<void> {
  const vm = await connect(options.data).azure.post<{ id: string }>('/_emulator/vms', {
    name: options.name,
    resourceGroup: options.resourceGroup,
    osDisk: resolve(options.osDisk),
    dataDisks: (options.dataDisk ?? []).map((file) => resolve(file)),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.size === undefined ? {} : { size: options.size }),
    ...(options.generation === undefined ? {} : { generation: Number(options.generation) }),
  });
  output.print(vm, () => vm.id);
}
