import { PermanentError, type Problem } from '@landfall/domain';
import {
  approvalProblemsNow,
  passGate,
  type StepContext,
  type StepHandler,
  type StepOutcome,
} from '@landfall/pipeline';
import { checkBeforeStop } from './checks.js';
import { gateFacts } from './gate-facts.js';
import { isLastTry, spentOn } from './last-try.js';
import type { CutOverPorts } from './ports.js';
import { putBack, startAgain } from './put-back.js';
import { makeReady } from './ready.js';
import { noteReleased, removeDisks, removeVm } from './removal.js';
import { hasStoodTooLong, isStoppedByUs, stopAndTake } from './stop-and-take.js';

/*
 * Step 8: the machine that a restore to the original location replaces goes away. In this order, each part repeatable:
 *
 *   checks        whatever can be found out while it runs, and changes nothing
 *   approval      judged for the last time, before anything of it is touched
 *   ready         its model is saved; a claim, addresses that stay, parts that outlive it: changes that every way out undoes
 *   stop          the outage begins
 *   snapshots     of all its disks, as they were when it was stopped
 *   gate          one transaction; from here on it is completed or rolled back
 *   removal       the VM, and then the disks that are replaced
 *
 * What keeps it from being removed for good lets it run again, if it ran, before a person is asked. The disks that were written
 * stay: a resumption goes on here.
 */
type Outcome = StepOutcome<'remove-source'>;

export function removeSource(ports: CutOverPorts): StepHandler<'remove-source'> {
  return async (context) => {
    const spent = await givenUp(ports, context);
    if (spent !== null) return spent;
    if (context.restore.cutOverAt === null) {
      const refused = await unlessForGood(ports, context, comeThroughGate, putBack);
      if (refused !== null) return refused;
    }
    const refused = await unlessForGood(ports, context, removeVm, startAgain);
    if (refused !== null) return refused;
    await noteReleased(ports, context);
    await removeDisks(ports, context);
    return { kind: 'done', output: {} };
  };
}

/** Null: it is through. */
async function comeThroughGate(ports: CutOverPorts, context: StepContext): Promise<Outcome | null> {
  const { restore, epoch } = context;
  const checks = await checkBeforeStop(ports, context);
  // Once it is stopped nobody asks again: an approval that runs out meanwhile must not keep it stopped.
  const problem = (await isStoppedByUs(ports, restore.id)) ? null : await missingApproval(ports, context);
  if (problem !== null) {
    await putBack(ports, context);
    return { kind: 'unapproved', problem };
  }
  await makeReady(ports, context);
  await stopAndTake(ports, context);
  const run = { restoreId: restore.id, work: 'remove-source', epoch };
  const [refusal] = await passGate(ports.books, run, await gateFacts(ports, context, checks));
  if (refusal === undefined) return null;
  throw new PermanentError({ code: refusal.code, message: refusal.message, fix: refusal.fix });
}

async function missingApproval({ books }: CutOverPorts, { restore, plan }: StepContext): Promise<Problem | null> {
  const seconds = plan.estimates.outageSeconds ?? 0;
  const problems = await books.transaction((tx) => approvalProblemsNow(tx, restore, seconds));
  return problems[0] ?? null;
}

/** Does something that may leave the source stopped; where that fails for good the way out is taken, and a person asked. */
async function unlessForGood(
  ports: CutOverPorts,
  context: StepContext,
  work: (ports: CutOverPorts, context: StepContext) => Promise<Outcome | null>,
  wayOut: (ports: CutOverPorts, context: StepContext) => Promise<void>,
): Promise<Outcome | null> {
  try {
    return await work(ports, context);
  } catch (error) {
    const isOver = isLastTry(context, 'remove-source', error) || (await hasStoodTooLong(ports, context));
    if (context.signal.aborted || !isOver) throw error;
    await wayOut(ports, context);
    return { kind: 'exhausted', error };
  }
}

/** Where all tries are used up, and the last of them could not take the way out: its process has died, or Azure was away. */
async function givenUp(ports: CutOverPorts, context: StepContext): Promise<Outcome | null> {
  const error = spentOn(context, 'remove-source');
  if (error === null) return null;
  await (context.restore.cutOverAt === null ? putBack : startAgain)(ports, context);
  return { kind: 'exhausted', error };
}
