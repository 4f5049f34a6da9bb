import { ask } from './api.js';
import { pointsPage, repositoriesPage, restoresPage, workersPage } from './lists.js';
import { restorePage } from './restore.js';

/* The address after `#` says what is shown; each change of it ends what the page before was doing. */
const LISTS = { restores: restoresPage, points: pointsPage, repositories: repositoriesPage, workers: workersPage };
const main = document.getElementById('main');
const troubleLine = document.getElementById('trouble');
let leave = new AbortController();

function trouble(problem) {
  troubleLine.hidden = problem === null;
  troubleLine.textContent = problem === null ? '' : [problem.message, problem.fix].filter(Boolean).join(' ');
}

async function show(session) {
  leave.abort();
  leave = new AbortController();
  const [section = '', id] = location.hash.replace(/^#\/?/, '').split('/');
  const list = LISTS[section] ?? restoresPage;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#/${section || 'restores'}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const context = { trouble, signal: leave.signal, mayAct: session.role !== 'viewer' };
  trouble(null);
  try {
    if (section === 'restores' && id) await restorePage(main, { ...context, id: decodeURIComponent(id) });
    else await list(main, context);
  } catch (problem) {
    trouble(problem);
  }
}

document.getElementById('sign-out').addEventListener('click', async () => {
  await ask('/session', { method: 'DELETE' }).catch(trouble);
  location.assign('/');
});

const session = await ask('/session');
document.getElementById('who').textContent = `${session.name} (${session.role})`;
window.addEventListener('hashchange', () => {
  show(session);
  main.focus();
});
await show(session);
