import { resolve } from 'node:path';
import { type InspectedPointView, type PointView, ROUTES, type ScannedRepositoryView } from '@landfall/contract';
import type { RepositoryKind } from '@landfall/domain';
import { choice, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import { MACHINE_NAME, POINT_ID, REPOSITORY_NAME } from '../ids.js';
import { inspectionText } from '../output/inspection-text.js';
import { originsText } from '../output/origins-text.js';
import { problemsText } from '../output/plan-text.js';
import { formatTable, tableOr } from '../output/table.js';
import { formatBytes, formatTime } from '../output/units.js';
import { repositoryPassword } from '../repository-password.js';
import { connect } from '../stack/connect.js';
import { badUsage } from '../usage.js';

/** Repositories, the machines in them and their restore points. */
export function describeCatalogueCommands(program: LandfallCommand): void {
  const repo = program.command('repo').description('repositories: where backups lie');
  repo
    .command('add <name>')
    .description('add a repository and read its restore points')
    .addOption(choice('--kind <kind>', 'what it is', ['restic', 'images', 'snapshots']).makeOptionMandatory())
    .requiredOption('--url <url>', 'a folder, or azure://ACCOUNT/CONTAINER/PREFIX')
    .option('--password-file <file>', 'file that holds its password (else RESTIC_PASSWORD or RESTIC_PASSWORD_FILE)')
    .option('--hosted-by-provider', 'marks it as hosted by a service provider: nothing is restored from it')
    .does(addRepository, OF_REPOSITORY);
  repo.command('list').description('all repositories').does(listRepositories);
  repo.command('rescan <name>').description('read its restore points anew').does(rescanRepository, OF_REPOSITORY);
  repo.command('remove <name>').description('forget it; the backups stay').does(removeRepository, OF_REPOSITORY);

  const machine = program.command('machine').description('machines that were backed up');
  machine.command('list').description('all machines').does(listMachines);

  const point = program.command('point').description('restore points: one state of one machine');
  point
    .command('list [machine]')
    .description('all, or those of one machine (ID, name or alias)')
    .does(listPoints, { ids: [MACHINE_NAME] });
  point
    .command('show <id>')
    .description('one restore point')
    .does(showPoint, { ids: [POINT_ID] });
}

const OF_REPOSITORY = { ids: [REPOSITORY_NAME] };

interface AddOptions extends CommonOptions {
  readonly kind: RepositoryKind;
  readonly url: string;
  readonly passwordFile?: string;
  readonly hostedByProvider?: boolean;
}

async function addRepository({ args, options, output }: Call<AddOptions>): Promise<void> {
  const { api } = connect(options.data);
  const password = repositoryPassword(options.passwordFile);
  const repository = await api.ask(ROUTES.addRepository, {
    body: {
      name: args[0]!,
      kind: options.kind,
      url: absoluteUrl(options.url),
      ...(password === null ? {} : { password }),
      ...(options.hostedByProvider === true ? { hostedByProvider: true } : {}),
    },
  });
  output.print(repository, () => scannedText(repository));
}

/** A folder is meant relative to where the user stands; the API may stand elsewhere. */
function absoluteUrl(url: string): string {
  if (url.trim() === '') {
    throw badUsage('REPOSITORY_URL_INVALID', 'The URL is empty.', 'Give a folder or azure://ACCOUNT/CONTAINER/PREFIX.');
  }
  return /^[a-z][a-z0-9+.-]*:/i.test(url) ? url : resolve(url);
}

async function listRepositories({ options, output }: Call): Promise<void> {
  const repositories = await connect(options.data).api.ask(ROUTES.listRepositories, {});
  output.print(repositories, () =>
    tableOr(
      'There are no repositories yet; "./landfall repo add" adds one.',
      ['NAME', 'KIND', 'POINTS', 'SCANNED', 'URL'],
      repositories.map((repository) => [
        repository.name,
        repository.kind,
        repository.points,
        formatTime(repository.scannedAt),
        repository.url,
      ]),
    ),
  );
}

async function rescanRepository({ args, options, output }: Call): Promise<void> {
  const { api } = connect(options.data);
  const repository = await api.ask(ROUTES.rescanRepository, { params: { name: args[0]! } });
  output.print(repository, () => scannedText(repository));
}

async function removeRepository({ args, options, output }: Call): Promise<void> {
  await connect(options.data).api.ask(ROUTES.removeRepository, { params: { name: args[0]! } });
  output.print({ name: args[0], removed: true }, () => `The repository ${args[0]} is forgotten; its backups stay.`);
}

function scannedText({ name, format, machines, points, skipped }: ScannedRepositoryView): string {
  const found = `Repository ${name} (${format}): ${machines} machines, ${points} restore points.`;
  return [found, ...skipped.map(({ reference, why }) => `  passed over ${reference}: ${why}`)].join('\n');
}

async function listMachines({ options, output }: Call): Promise<void> {
  const machines = await connect(options.data).api.ask(ROUTES.listMachines, {});
  output.print(machines, () =>
    tableOr(
      'No machines: no repository was added, or there is no restore point in any.',
      ['ID', 'NAME', 'HOST', 'REPOSITORY', 'POINTS', 'LATEST', 'ALSO CALLED', 'PATH'],
      machines.map((machine) => [
        machine.id,
        machine.name,
        machine.hosts.join(', ') || '-',
        machine.repositoryName,
        machine.points,
        formatTime(machine.latestPointAt),
        machine.aliases.join(', ') || '-',
        machine.paths.join(', '),
      ]),
    ),
  );
}

async function listPoints({ args, options, output }: Call): Promise<void> {
  const points = await connect(options.data).api.ask(ROUTES.listRestorePoints, { query: { machine: args[0] } });
  output.print(points, () =>
    tableOr(
      'There are no restore points.',
      ['ID', 'MACHINE', 'HOST', 'TAKEN', 'KIND', 'DISKS', 'SIZE', 'REPOSITORY', 'RESTORABLE', 'TAGS', 'PATH'],
      points.map((point) => [
        point.id,
        point.machine,
        of(point, ({ host }) => [host]),
        formatTime(point.takenAt),
        point.kind,
        point.disks.length,
        formatBytes(point.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0)),
        point.repository,
        point.restorable ? 'yes' : `no (${point.level} level)`,
        of(point, ({ tags }) => tags),
        of(point, ({ path }) => [path]),
      ]),
    ),
  );
}

/** What the images of a point have, each once; a dash where it is not known. */
function of(
  { disks }: PointView,
  pick: (origin: NonNullable<PointView['disks'][number]['origin']>) => string[],
): string {
  const all = disks.flatMap(({ origin }) => (origin === null ? [] : pick(origin)));
  return [...new Set(all.filter((text) => text !== ''))].join(', ') || '-';
}

async function showPoint({ args, options, output }: Call): Promise<void> {
  const point = await connect(options.data).api.ask(ROUTES.showRestorePoint, { params: { id: args[0]! } });
  output.print(point, () => pointText(point));
}

function pointText(point: InspectedPointView): string {
  const sections = [
    formatTable(
      ['Point', point.id],
      [
        ['machine', point.machine],
        ['taken', formatTime(point.takenAt)],
        ['repository', point.repository],
        ['reference', point.reference],
        ['kind', `${point.kind}, level ${point.level}`],
        ['system', point.os?.name ?? point.os?.family ?? 'not known'],
        ['firmware', point.firmware ?? 'not known'],
        ['restorable', point.restorable ? 'yes' : 'no'],
      ],
    ),
    `Disks\n${formatTable(
      ['  name', 'role', 'LUN', 'size'],
      point.disks.map((disk) => [
        `  ${disk.name}`,
        disk.role,
        disk.lun === null ? '-' : `${disk.lun}`,
        formatBytes(disk.sizeBytes),
      ]),
    )}`,
  ];
  sections.push(...originsText(point.disks));
  if (point.inspection !== null) sections.push(`Seen on its disks\n${inspectionText(point.inspection)}`);
  if (point.problems.length > 0) sections.push(`Problems\n${problemsText(point.problems)}`);
  return sections.join('\n\n');
}
