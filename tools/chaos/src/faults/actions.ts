import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';
import { QueueClient, WORK_JOB } from '@landfall/pipeline';
import { ask, mayDo, wrongIn, type Action, type Role } from '../access/action.js';
import { apiActions, type Scene } from '../access/api-actions.js';
import { dashboardActions, inOrder, paused, undoing, type Forgeries } from '../access/dashboard-actions.js';
import type { Cell } from '../live/cell.js';
import { restoreTrial, type Trial } from '../live/trial.js';
import { queueOf } from './jobs.js';
import { isBack, PLACES, stopAtBegin, stoppedOrOver, type Place } from './steps.js';

/*
 * F14: every action of the API and of the queue dashboard is tried by every role at every step. The service stands still
 * just when it has begun the step, and goes on when all is asked.
 *
 * Who may not is refused: with 401 whoever is unknown, with 403 whoever is known. Who may gets an answer or a typed problem,
 * and the restore is completed all the same: what administrators do to queues takes away hints and no work. Only
 * `cancel` by those who may is left out: F11 tries it.
 *
 * Roles that may change nothing share one restore for each step; it is a trial of each of them.
 */
const TOGETHER: readonly (readonly Role[])[] = [
  ['nobody', 'a wrong token', 'mover', 'viewer'],
  ['operator'],
  ['approver'],
  ['admin'],
];
/** A service that stands still answers no question: what is asked of it waits until it goes on. */
const STANDSTILL_MS = 8_000;
/** Of one role's requests: many at a time to be quick, and not so many that the API has no time for its own checks. */
const AT_ONCE = 8;
/** A list of actions that has shrunk to less has lost its source, and would be no trial. */
const LEAST_ACTIONS = 70;

export function actionTrials(): readonly Trial[] {
  return TOGETHER.flatMap((roles) => PLACES.map((place) => actionTrial(roles, place)));
}

function actionTrial(roles: readonly Role[], place: Place): Trial {
  const goesBack = isBack(place);
  return {
    fault: 'F14',
    name: `every action by ${roles.join(', ')} during ${place}`,
    async run(cell) {
      const queues = new QueueClient({ url: new Secret(cell.redisUrl), prefix: 'landfall' });
      const wrong: string[] = [];
      try {
        const outcome = await restoreTrial(cell, {
          duringClean: goesBack,
          prepare: () => stopAtBegin(cell, place),
          async disturb(_, restoreId) {
            const stopped = await stoppedOrOver(cell, restoreId, goesBack);
            if (stopped === null) return { at: null };
            const at = performance.now();
            const tried = Promise.all(roles.map((role) => tryAll(cell, queues, role, restoreId, place)));
            await Promise.race([tried, pause(STANDSTILL_MS)]).finally(() => stopped.goOn());
            wrong.push(...(await tried).flat());
            return { at };
          },
        });
        return { ...outcome, violations: [...wrong, ...outcome.violations] };
      } finally {
        await queues.close();
      }
    },
  };
}

/** Tries everything as this role. Returns what was answered wrongly. */
async function tryAll(
  cell: Cell,
  queues: QueueClient,
  role: Role,
  restoreId: string,
  place: Place,
): Promise<readonly string[]> {
  const [segment] = await cell.books.books.segments(restoreId, { limit: 1 });
  const restore = await cell.books.books.restore(restoreId);
  const scene: Scene = {
    restoreId,
    pointId: restore!.request.restorePointId,
    segmentId: segment?.id ?? null,
    goesBack: isBack(place),
  };
  const apiUrl = `http://127.0.0.1:${cell.installation.ports.api}`;
  const token = await tokenOf(cell, role);
  const names = role === 'admin' && token !== null ? await shownQueues(apiUrl, token) : [queueOf(place)];
  const ofApi = await apiActions(cell, scene);
  const ofBoard = await dashboardActions(queues, names, forgeriesFor(scene));
  const tried = async (action: Action): Promise<readonly string[]> => {
    const answer = await ask(apiUrl, token, action);
    return [wrongIn(role, action, answer) ?? []].flat();
  };
  const inTurn = async (actions: readonly Action[]): Promise<readonly string[]> => {
    const wrong: string[] = [];
    for (const action of actions) wrong.push(...(await tried(action)));
    return wrong;
  };

  const least = [...ofApi, ...ofBoard].length < LEAST_ACTIONS ? ['access: too few actions are known'] : [];
  const atOnce = [...ofApi, ...ofBoard.filter(isHarmless(role))].filter((action) => !cancels(role, action));
  const prompt = atOnce.filter((action) => !asksService(action));
  const lanes = [
    ...Array.from({ length: AT_ONCE }, (_, lane) => prompt.filter((__, index) => index % AT_ONCE === lane)),
    ...atOnce.filter(asksService).map((action) => [action]),
  ];
  const changes = ofBoard.filter((action) => !isHarmless(role)(action));
  const perQueue = names.map((name) => changes.filter(({ path }) => path.includes(`/queues/${name}/`)));
  const ofAll = changes.filter((action) => !perQueue.some((own) => own.includes(action)));
  const turns = perQueue.map((own, index) => changesOf(names[index]!, own));
  const wrong = (await Promise.all(lanes.map(inTurn))).flat();
  wrong.push(...(await inTurn(ofAll)), ...(await Promise.all(turns.map(inTurn))).flat());
  cell.note(`${role}: ${ofApi.length} actions of the API, ${ofBoard.length} of the dashboard`);
  return [...least, ...wrong];
}

/** All that is tried on one queue; it runs again afterwards. */
function changesOf(name: string, own: readonly Action[]): readonly Action[] {
  if (own.length === 0) return [];
  const ordered = inOrder(own);
  const last = ordered.filter(({ path }) => path.endsWith('/obliterate'));
  return [...ordered.filter((action) => !last.includes(action)), paused(name), ...last, ...undoing(name)];
}

/** What a role may only look at, or not even that, can be asked for in any order. */
function isHarmless(role: Role): (action: Action) => boolean {
  return ({ method, needed }) => method === 'GET' || !mayDo(role, needed);
}

/** Answered by a service through its queue: by the one that stands still only when it goes on. */
function asksService({ path }: Action): boolean {
  return /\/(restore-plans|rescan|orphans|remove)$/.test(path);
}

function cancels(role: Role, { path, needed }: Action): boolean {
  return path.endsWith('/cancel') && mayDo(role, needed);
}

/** Those of the workers come and go, and the dashboard learns of it with a delay. */
async function shownQueues(apiUrl: string, token: string): Promise<readonly string[]> {
  const answer = await fetch(`${apiUrl}/admin/queues/api/queues`, { headers: { authorization: `Bearer ${token}` } });
  const { queues } = (await answer.json()) as { queues: readonly { name: string }[] };
  return queues.map(({ name }) => name);
}

/** Jobs that would do harm if the dashboard took them: work out of its turn, work that is said to be done, nonsense. */
function forgeriesFor({ restoreId, segmentId }: Scene): Forgeries {
  const segment = { segmentId: segmentId ?? 'made-up', restoreId, epoch: 1 };
  return (queue) => {
    if (queue.startsWith('mover-')) return [{ name: 'segment', data: segment }];
    return [
      { name: WORK_JOB, data: { restoreId, work: 'attach-disks', epoch: 0 } },
      { name: WORK_JOB, data: { restoreId, work: 'remove-created', epoch: 0 } },
      { name: WORK_JOB, data: 'nonsense' },
    ];
  };
}

/** Kept as the product keeps them: by their hashes. */
async function tokenOf(cell: Cell, role: Role): Promise<string | null> {
  if (role === 'nobody') return null;
  const token = randomBytes(32).toString('base64url');
  if (role === 'a wrong token') return token;
  const tokenHash = createHash('sha256').update(token).digest('hex');
  await cell.books.tokens.put({ name: `tried as ${role}`, role, tokenHash, expiresAt: null });
  return token;
}
