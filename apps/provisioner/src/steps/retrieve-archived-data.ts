import { RetryableError, WaitingError, type ArchiveCopies, type Retrieval, type Retrievals } from '@landfall/domain';
import { boundedMap, type StepContext, type StepHandler } from '@landfall/pipeline';

/*
 * Step 1: what the disks are read from and lies in the archive tier is copied out of it. Azure takes hours for that, so nobody waits
 * here: what is still missing is asked for, and the step comes again. How far it is Azure alone tells; a copy that is listed was asked for.
 */
export interface RetrievalPorts {
  readonly retrievals: Pick<Retrievals, 'retrieval'>;
  readonly copiesOf: (retrieval: Retrieval, repositoryName: string) => Promise<ArchiveCopies>;
  /** By the books' clock, as a work's times are. */
  readonly now: () => Promise<Date>;
  /** Milliseconds between looks; left out: a minute. */
  readonly lookEveryMs?: number;
}

const COPIES_AT_ONCE = 16;
const LOOK_EVERY_MS = 60_000;
/** Of what Azure promises: after that a person has to find out what is wrong. */
const PATIENCE = 3;

export function retrieveArchivedData(ports: RetrievalPorts): StepHandler<'retrieve-archived-data'> {
  return async (context) => {
    const { restore, plan, signal } = context;
    const retrieval = await ports.retrievals.retrieval(restore.id);
    if (retrieval === null) return { kind: 'done', output: { objects: 0 } };
    const copies = await ports.copiesOf(retrieval, plan.restorePoint.repository);
    const known = new Map((await copies.list(signal)).map((copy) => [copy.path, copy]));
    const stateOf = ({ path }: { path: string }) => known.get(path)?.state;
    const missing = retrieval.files.filter((file) => [undefined, 'failed'].includes(stateOf(file)));
    const { priority = 'standard' } = plan.retrieval ?? {};
    await boundedMap(missing, COPIES_AT_ONCE, ({ path }) => copies.begin(path, priority, signal));
    const there = retrieval.files.filter((file) => stateOf(file) === 'there').length;
    if (there === retrieval.files.length) {
      await context.event('archive.retrieved', `${there} file(s) are out of the archive tier.`);
      return { kind: 'done', output: { objects: there } };
    }
    if (missing.length > 0) {
      const sentence = `${missing.length} of ${retrieval.files.length} file(s) are asked for; the archive tier gives them back within ${plan.retrieval?.hours ?? 15} hour(s).`;
      await context.event('archive.asked', sentence, { priority });
    }
    throw isOverdue(context, await ports.now()) ? overdue(context, there, retrieval) : waiting(ports, there, retrieval);
  };
}

function isOverdue({ restore, plan }: StepContext, now: Date): boolean {
  const startedAt = restore.works.find(({ id }) => id === 'retrieve-archived-data')?.startedAt ?? null;
  const patienceMs = PATIENCE * (plan.retrieval?.hours ?? 15) * 3_600_000;
  return startedAt !== null && now.getTime() - startedAt.getTime() > patienceMs;
}

function waiting({ lookEveryMs = LOOK_EVERY_MS }: RetrievalPorts, there: number, { files }: Retrieval): WaitingError {
  return new WaitingError(
    {
      code: 'RETRIEVAL_PENDING',
      message: `${there} of ${files.length} file(s) are back from the archive tier.`,
      fix: 'Nothing has to be done: Azure brings the others back.',
    },
    { retryAfterMs: lookEveryMs },
  );
}

/** Tried again as other errors are, then a person is asked: whoever resumes has it looked at again. */
function overdue({ plan }: StepContext, there: number, { files, url }: Retrieval): RetryableError {
  return new RetryableError({
    code: 'RETRIEVAL_OVERDUE',
    message: `${files.length - there} of ${files.length} file(s) are not back from the archive tier, ${PATIENCE} times as long after they were asked for as Azure promises (${plan.retrieval?.hours ?? 15} h).`,
    fix: `Look at the copies in ${url} in the portal, whether they are still pending; resume the restore once they are there, or cancel it.`,
  });
}
