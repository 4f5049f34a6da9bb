import { ask } from './api.js';
import { element, problemBox, progressBar, table } from './page.js';
import { bytes, lasted, moment, toneOf } from './words.js';

const SETTLED = ['refused', 'cancelled', 'rolled-back', 'failed', 'completed', 'needs-attention'];

/** What a person may ask of a restore in this state. */
const ACTIONS = [
  {
    name: 'cancel',
    title: 'Cancel',
    danger: true,
    states: ['planning', 'awaiting-approval', 'running', 'needs-attention'],
    question: 'Cancel this restore? What it has created in Azure is removed.',
  },
  { name: 'resume', title: 'Resume', states: ['needs-attention'] },
  {
    name: 'rollback',
    title: 'Roll back',
    danger: true,
    states: ['completed', 'needs-attention'],
    question: 'Roll back this restore? The restored machine and its disks are deleted from Azure.',
  },
];

/** One restore, kept up to date by the server's events until it has settled. */
export async function restorePage(main, { id, mayAct, trouble, signal }) {
  const first = await ask(`/v1/restores/${encodeURIComponent(id)}`);
  const state = element('p', { role: 'status' });
  const actions = element('div', { class: 'actions' });
  const notes = element('div');
  const progress = element('div');
  const steps = element('div');
  const disks = element('div');
  const history = element('ol', { class: 'history' });
  main.replaceChildren(
    element('h1', {}, `Restore ${first.id}`),
    state,
    actions,
    notes,
    progress,
    element('h2', {}, 'Steps'),
    steps,
    element('h2', {}, 'Disks'),
    disks,
    element('h2', {}, 'History'),
    history,
  );
  let source = null;
  let shown = '';
  let lastEvent = 0;

  async function readHistory() {
    const events = await ask(`/v1/restores/${first.id}/events?after=${lastEvent}`);
    for (const event of events) {
      if (event.sequence <= lastEvent) continue;
      lastEvent = event.sequence;
      history.prepend(element('li', {}, element('time', { datetime: event.at }, moment(event.at)), event.message));
    }
  }

  async function act({ name, question }) {
    if (question && !window.confirm(question)) return;
    try {
      show(await ask(`/v1/restores/${first.id}/${name}`, { method: 'POST' }));
      trouble(null);
      follow();
    } catch (problem) {
      trouble(problem);
    }
  }

  function show(view) {
    state.replaceChildren(element('span', { class: toneOf(view.state) }, view.state), ` · ${target(view)}`);
    notes.replaceChildren(...(view.error ? [problemBox(view.error)] : []), ...view.problems.map(problemBox));
    progress.replaceChildren(...overall(view));
    steps.replaceChildren(stepTable(view));
    disks.replaceChildren(diskTable(view));
    // Buttons are made anew only when others are needed, so that the one in use keeps the focus.
    if (mayAct && shown !== view.state) {
      const buttons = ACTIONS.filter(({ states }) => states.includes(view.state)).map((action) =>
        element(
          'button',
          { type: 'button', class: action.danger ? 'danger' : null, onclick: () => act(action) },
          action.title,
        ),
      );
      actions.replaceChildren(...buttons);
    }
    shown = view.state;
  }

  function follow() {
    source?.close();
    source = new EventSource(`/v1/restores/${first.id}/events?after=${lastEvent}`);
    source.addEventListener('open', () => trouble(null));
    source.addEventListener('restore', (message) => {
      const view = JSON.parse(message.data);
      show(view);
      readHistory().catch(trouble);
      if (SETTLED.includes(view.state)) source.close();
    });
  }

  signal.addEventListener('abort', () => source?.close());
  show(first);
  await readHistory();
  if (!signal.aborted && !SETTLED.includes(first.state)) follow();
}

function target(view) {
  const { restorePoint, destination } = view;
  const machine = restorePoint.machine ?? restorePoint.id;
  const place = [destination.vmName ?? destination.name, destination.resourceGroup, destination.region];
  return `${machine} → ${place.filter(Boolean).join(', ') || destination.kind}`;
}

function overall(view) {
  const total = view.disks.reduce((sum, disk) => sum + disk.bytesTotal, 0);
  if (total === 0) return [];
  const done = view.disks.reduce((sum, disk) => sum + disk.bytesDone, 0);
  return [
    progressBar(done, total, 'Data restored'),
    element('p', { class: 'quiet' }, `${bytes(done)} of ${bytes(total)}`),
  ];
}

function stepTable(view) {
  return table(
    'Steps',
    [
      { title: '#', cell: (step) => String(step.number) },
      { title: 'Step', cell: (step) => step.id },
      { title: 'State', cell: (step) => element('span', { class: toneOf(step.state) }, step.state) },
      { title: 'Time', cell: (step) => (step.state === 'skipped' ? '–' : lasted(step.startedAt, step.endedAt)) },
      { title: 'Attempts', cell: (step) => String(step.attempts) },
    ],
    view.steps,
    'No steps yet.',
  );
}

function diskTable(view) {
  return table(
    'Disks',
    [
      { title: 'Disk', cell: (disk) => disk.name },
      { title: 'Role', cell: (disk) => (disk.lun === null ? disk.role : `${disk.role}, LUN ${disk.lun}`) },
      { title: 'Restored', cell: (disk) => progressBar(disk.bytesDone, disk.bytesTotal, `Disk ${disk.name}`) },
      { title: 'Bytes', cell: (disk) => `${bytes(disk.bytesDone)} of ${bytes(disk.bytesTotal)}` },
      { title: 'Azure ID', long: true, cell: (disk) => disk.azureId ?? '–' },
    ],
    view.disks,
    'The plan names the disks.',
  );
}
