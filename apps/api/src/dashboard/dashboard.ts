import { createBullBoard } from '@bull-board/api';
import { errorResponse } from '@bull-board/api/dist/errors.js';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import { type Application, type NextFunction, type Request, type Response, Router } from 'express';
import { actorOf } from '../access/actor.js';
import { forbidden, requires } from '../access/gate.js';
import { mayDo } from '../access/roles.js';
import { changesSomething } from '../access/same-origin.js';
import type { ApiPorts } from '../ports.js';

export const DASHBOARD_PATH = '/admin/queues';

/** Queues of workers come and go; the boards learn of it with the next look, at most this often. */
const REFRESH_MS = 2_000;

/**
 * Jobs are made from the books alone. A made-up one would be believed in what it says: that a segment is written, for
 * instance. To take jobs away, or to have them done again, is harmless: the books know what is still to be done.
 */
const MAKES_JOBS = ['/api/queues/:queueName/add', '/api/queues/:queueName/:jobId/update-data'];

/**
 * The queue dashboard. It brings its own routes, which Nest's guards never see: so it hangs behind the gate, asks for
 * a role itself, and refuses every change of anybody but an administrator before the board's code sees the request.
 * Everybody else also gets a board without buttons.
 */
export function dashboard(ports: Pick<ApiPorts, 'queues' | 'audit' | 'logger'>): Router {
  const acting = board(false);
  const watching = board(true);
  let refreshedAt = -Infinity;

  async function refresh(): Promise<void> {
    if (performance.now() - refreshedAt < REFRESH_MS) return;
    refreshedAt = performance.now();
    const queues = await ports.queues();
    acting.show(queues);
    watching.show(queues);
  }

  const router = Router();
  router.use(requires('viewer'));
  router.use(async (request: Request, response: Response, next: NextFunction) => {
    const mayAct = mayDo(request.principal, 'admin');
    if (changesSomething(request)) {
      if (!mayAct) throw forbidden('admin');
      await ports.audit.append({
        actor: actorOf(request),
        action: 'dashboard.change',
        subject: request.path,
        details: { method: request.method },
      });
    }
    await refresh();
    (mayAct ? acting : watching).serve(request, response, next);
  });
  return router;
}

function board(readOnly: boolean) {
  const adapter = new ExpressAdapter().setBasePath(DASHBOARD_PATH);
  const { replaceQueues } = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: {
      uiConfig: { boardTitle: readOnly ? 'Landfall (read only)' : 'Landfall', hideRedisDetails: true },
      handlerHooks: {
        before: ({ route }) =>
          MAKES_JOBS.includes(route)
            ? {
                allow: false,
                status: 403,
                message: 'Jobs are made by Landfall itself, and their data are not changed.',
              }
            : { allow: true },
      },
    },
  });
  adapter.setErrorHandler(answerTo);
  const serve = adapter.getRouter() as Application;
  serve.disable('x-powered-by');
  return {
    serve,
    show: (queues: readonly Queue[]) =>
      replaceQueues(
        queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: readOnly, allowRetries: !readOnly })),
      ),
  };
}

/** BullMQ marks what it refuses because of a job's state with a number; whatever else comes here is unexpected. */
function answerTo(error: Error): ReturnType<typeof errorResponse> {
  const refused = 'code' in error && typeof error.code === 'number';
  return refused
    ? errorResponse(409, 'ERRORS.JOB_EDIT_NOT_SUPPORTED', { message: error.message, code: 'JOB_STATE' })
    : errorResponse(500, 'ERRORS.INTERNAL_SERVER_ERROR');
}
