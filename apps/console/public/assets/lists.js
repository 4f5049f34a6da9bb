import { ask } from './api.js';
import { element, table } from './page.js';
import { bytes, lasted, moment, toneOf } from './words.js';

/** Lists are asked for again after this time while they are shown. */
const REFRESH_MS = 3_000;

function listPage(title, path, render) {
  return async (main, { signal, trouble }) => {
    const body = element('div');
    main.replaceChildren(element('h1', {}, title), body);
    async function refresh() {
      if (signal.aborted) return;
      try {
        const rows = await ask(path);
        if (signal.aborted) return;
        body.replaceChildren(render(rows));
        trouble(null);
      } catch (problem) {
        if (!signal.aborted) trouble(problem);
      }
      setTimeout(refresh, REFRESH_MS);
    }
    await refresh();
  };
}

export const restoresPage = listPage('Restores', '/v1/restores?limit=200', (restores) =>
  table(
    'Restores',
    [
      { title: 'Restore', cell: ({ id }) => element('a', { href: `#/restores/${id}` }, id) },
      { title: 'State', cell: ({ state }) => element('span', { class: toneOf(state) }, state) },
      { title: 'Machine', long: true, cell: ({ restorePoint }) => restorePoint.machine ?? restorePoint.id },
      { title: 'Step', cell: ({ steps }) => steps.find(({ state }) => state === 'running')?.id ?? '–' },
      { title: 'Restored', cell: ({ disks }) => bytes(disks.reduce((sum, disk) => sum + disk.bytesDone, 0)) },
      { title: 'Asked for', cell: ({ createdAt, requestedBy }) => `${moment(createdAt)} by ${requestedBy}` },
      { title: 'Time', cell: ({ createdAt, endedAt }) => lasted(createdAt, endedAt) },
    ],
    restores,
    'No restores yet. Start one with "landfall restore --point ID --to new".',
  ),
);

/** What the images of these disks have, each once. */
function ofImages(disks, pick) {
  const all = disks.flatMap(({ origin }) => (origin ? pick(origin) : []));
  return [...new Set(all)].filter(Boolean).join(', ') || '–';
}

export const pointsPage = listPage('Restore points', '/v1/restore-points', (points) =>
  table(
    'Restore points',
    [
      { title: 'Point', cell: ({ id }) => id },
      { title: 'Machine', long: true, cell: ({ machine }) => machine },
      { title: 'Host', cell: ({ disks }) => ofImages(disks, ({ host }) => [host]) },
      { title: 'Path', long: true, cell: ({ disks }) => ofImages(disks, ({ path }) => [path]) },
      { title: 'Tags', cell: ({ disks }) => ofImages(disks, ({ tags }) => tags) },
      { title: 'Taken', cell: ({ takenAt }) => moment(takenAt) },
      { title: 'Kind', cell: ({ kind, level }) => `${kind}, ${level}` },
      {
        title: 'Disks',
        long: true,
        cell: ({ disks }) => disks.map((disk) => `${disk.name} ${bytes(disk.sizeBytes)}`).join(', '),
      },
      { title: 'Restorable', cell: ({ restorable }) => (restorable ? 'yes' : 'no') },
      { title: 'Repository', cell: ({ repository }) => repository },
    ],
    points,
    'No restore points. Add a repository with "landfall repo add".',
  ),
);

export const repositoriesPage = listPage('Repositories', '/v1/repositories', (repositories) =>
  table(
    'Repositories',
    [
      { title: 'Name', cell: ({ name }) => name },
      {
        title: 'Kind',
        cell: ({ kind, hostedByProvider }) => (hostedByProvider ? `${kind}, hosted by a provider` : kind),
      },
      { title: 'Location', long: true, cell: ({ url }) => url },
      { title: 'Points', cell: ({ points }) => String(points) },
      { title: 'Scanned', cell: ({ scannedAt }) => moment(scannedAt) },
    ],
    repositories,
    'No repositories. Add one with "landfall repo add".',
  ),
);

export const workersPage = listPage('Workers', '/v1/workers', (workers) =>
  table(
    'Workers',
    [
      { title: 'Worker', cell: ({ id }) => id },
      { title: 'State', cell: ({ state }) => element('span', { class: toneOf(state) }, state) },
      { title: 'Restore', cell: ({ restoreId }) => element('a', { href: `#/restores/${restoreId}` }, restoreId) },
      { title: 'Disks', long: true, cell: ({ disks }) => disks.join(', ') },
      {
        title: 'Data-movers',
        long: true,
        cell: ({ movers }) => movers.map(({ name, seenAt }) => `${name}, seen ${moment(seenAt)}`).join('; ') || '–',
      },
    ],
    workers,
    'No workers have been launched.',
  ),
);
