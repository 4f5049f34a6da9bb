import {
  AFTER_CUT_OVER,
  hasEnded,
  mayBecome,
  RESTORE_TRANSITIONS,
  stepOf,
  STEPS,
  stepsOf,
  type RestoreEvent,
  type RestoreState,
} from '@landfall/domain';
import type { Evidence, RestoreHistory } from './evidence.js';
import type { Violation } from './violation.js';

/** I5: every change of state that a restore's history tells of was a legal one, and the audit log is whole. */
export function historyIsLegal({ restores, audit }: Evidence): Violation[] {
  const broken = audit?.brokenAt ?? null;
  const chain: Violation[] =
    broken === null ? [] : [{ invariant: 'I5', what: `The audit chain is broken at ${broken}.`, evidence: audit }];
  return [...restores.flatMap(statesAreLegal), ...restores.flatMap(stepsAreInOrder), ...chain];
}

/** I6 */
export function everythingEnds({ restores, settled }: Evidence): Violation[] {
  if (!settled) return [];
  return restores
    .filter(({ restore }) => !hasEnded(restore.state))
    .map(({ restore }) => ({
      invariant: 'I6' as const,
      what: `Restore ${restore.id} is still ${restore.state}.`,
      evidence: restore.works.filter((work) => work.state !== 'skipped'),
    }));
}

function statesAreLegal({ restore, events }: RestoreHistory): Violation[] {
  const found: Violation[] = [];
  let state: RestoreState | null = null;
  let hasCutOver = false;
  for (const event of events) {
    hasCutOver ||= event.type === 'restore.cut-over';
    const next = stateIn(event);
    if (next === null) continue;
    const legal = state === null ? next === 'planning' : mayBecome(state, next);
    if (hasCutOver && !AFTER_CUT_OVER.includes(next)) {
      found.push({ ...blame(restore.id, `had cut over and became ${next}.`, event), invariant: 'I3' });
    }
    if (!legal) found.push(blame(restore.id, `went from ${state ?? 'nothing'} to ${next}.`, event));
    state = next;
  }
  if (state !== restore.state) {
    found.push(blame(restore.id, `is ${restore.state}, and its history ends in ${state ?? 'nothing'}.`, null));
  }
  return found;
}

/**
 * Steps are done once, in their order, or once more after they were reopened; segments once, and never taken after they
 * were done.
 */
function stepsAreInOrder({ restore, events, segments }: RestoreHistory): Violation[] {
  const found: Violation[] = [];
  let doneSteps: number[] = [];
  const doneSegments = new Set<unknown>();
  for (const event of events) {
    const { number, segmentId } = event.data;
    const place = placeOf(event);
    if (event.type === 'step.reopened' && place >= 0) {
      doneSteps = doneSteps.filter((done) => done < place);
    }
    if (event.type === 'step.done' && place >= 0) {
      if (place <= (doneSteps.at(-1) ?? -1)) found.push(blame(restore.id, `did step ${String(number)} again.`, event));
      doneSteps.push(place);
    }
    if (event.type === 'step.started' && place >= 0 && place <= (doneSteps.at(-1) ?? -1)) {
      found.push(blame(restore.id, `took step ${String(number)} up that was done.`, event));
    }
    if (event.type === 'segment.claimed' && doneSegments.has(segmentId)) {
      found.push(blame(restore.id, 'gave a segment out that was done.', event));
    }
    if (event.type === 'segment.done') {
      if (doneSegments.has(segmentId)) found.push(blame(restore.id, 'did a segment twice.', event));
      doneSegments.add(segmentId);
    }
  }
  if (restore.state !== 'completed') return found;
  const undone = stepsOf(restore).filter(({ state }) => state !== 'done' && state !== 'skipped');
  const planned = restore.plan?.steps.filter(({ applies }) => applies) ?? [];
  const skipped = planned.filter(({ id }) => stepOf(restore, id)?.state !== 'done');
  if (undone.length > 0) found.push(blame(restore.id, 'is completed with steps that are not.', undone));
  if (skipped.length > 0) found.push(blame(restore.id, 'is completed without steps of its plan.', skipped));
  return [...found, ...dataWasMovedAndVerified({ restore, events, ledger: [], segments })];
}

/** Of a completed restore: every segment is done, and what its plan wants read back was read back after the last write. */
function dataWasMovedAndVerified({ restore, events, segments }: RestoreHistory): Violation[] {
  const undone = segments.filter(({ state }) => state !== 'done');
  const moved = segments.filter(({ purpose }) => purpose === 'move');
  const verified = segments.filter(({ purpose }) => purpose === 'verify');
  const wanted = restore.plan?.options.verify ?? 'none';
  const found: Violation[] = [];
  if (undone.length > 0) found.push(blame(restore.id, 'is completed with segments that are not done.', undone));
  if (wanted !== 'none' && moved.length > 0 && verified.length === 0) {
    found.push(blame(restore.id, `is completed and was not verified (${wanted}).`, moved.length));
  }
  const purposes = events.filter(({ type }) => type === 'segment.done').map(({ data }) => data.purpose);
  if (purposes.lastIndexOf('move') > purposes.indexOf('verify') && purposes.includes('verify')) {
    found.push({ ...blame(restore.id, 'was verified before everything was written.', purposes), invariant: 'I7' });
  }
  return found;
}

/** Of the step that it tells of, in their order: step 8 has two parts. -1: it tells of none. */
function placeOf({ data }: RestoreEvent): number {
  return STEPS.findIndex(({ id, number }) => (data.step === undefined ? number === data.number : id === data.step));
}

function stateIn({ type }: RestoreEvent): RestoreState | null {
  const [kind, name = ''] = type.split('.');
  return kind === 'restore' && Object.hasOwn(RESTORE_TRANSITIONS, name) ? (name as RestoreState) : null;
}

function blame(restoreId: string, what: string, evidence: unknown): Violation {
  return { invariant: 'I5', what: `Restore ${restoreId} ${what}`, evidence };
}
