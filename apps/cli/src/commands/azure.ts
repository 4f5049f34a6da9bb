import { resolve } from 'node:path';
import { choice, collect, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import { tableOr } from '../output/table.js';
import { formatBytes } from '../output/units.js';
import { connect } from '../stack/connect.js';
import type { AzureResourceView } from '../stack/views.js';

/** Looks into the emulated Azure of a local stack; there is no such command for Azure itself. */
export function describeAzureCommands(program: LandfallCommand): void {
  const azure = program.command('azure').description('the emulated Azure of a local stack');
  azure.command('list').description('everything that exists in it').does(listResources);
  azure.command('show <id>').description('one resource, as Azure would answer').does(showResource);
  azure.command('disk-path <disk-id>').description('the file that holds a disk').does(showDiskPath);
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
}

async function listResources({ options, output }: Call): Promise<void> {
  const resources = await connect(options.data).azure.get<AzureResourceView[]>('/_emulator/resources');
  output.print(resources, () =>
    tableOr(
      'There is nothing.',
      ['TYPE', 'NAME', 'STATE', 'SIZE', 'ID'],
      resources.map((resource) => [
        resource.type.split('/').pop() ?? resource.type,
        resource.name,
        [resource.provisioningState, resource.powerState, resource.diskState].filter(Boolean).join(', '),
        resource.sizeBytes === undefined || resource.sizeBytes === null ? '-' : formatBytes(resource.sizeBytes),
        resource.id,
      ]),
    ),
  );
}

async function showResource({ args, options, output }: Call): Promise<void> {
  const path = `/_emulator/resource?id=${encodeURIComponent(args[0]!)}`;
  const resource = await connect(options.data).azure.get<unknown>(path);
  output.print(resource, () => JSON.stringify(resource, null, 2));
}

async function showDiskPath({ args, options, output }: Call): Promise<void> {
  const path = `/_emulator/disk-path?id=${encodeURIComponent(args[0]!)}`;
  const disk = await connect(options.data).azure.get<{ path: string }>(path);
  output.print({ id: args[0], path: disk.path }, () => disk.path);
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
