import { appendFileSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { CaptureBooks, RestoreBooks } from '@landfall/domain';
import { armedByFile } from './crash-arming.js';
import { withCaptureCrashPoints, withCrashPoints, type CrashHook } from './crash-points.js';

/*
 * Crash points for processes that are tried for real:
 *
 *   LANDFALL_CRASH_TRACE=FILE   appends every point that is reached, `launch-worker.vm.attach.afterCall#1`, a line each;
 *                               `#n`: for the n-th time in this process
 *   LANDFALL_CRASH_AT=P[,P…]    kills this process (SIGKILL) when it reaches the point P = NAME[#n]. In the name of a cloud
 *                               call the kind of resource may be left out: `launch-worker.attach.afterCall`
 *   LANDFALL_CRASH_MARKS=DIR    each P fires once over all processes, the first one first: whoever dies leaves a file in DIR.
 *                               Without it a process that is started again dies at the same point again
 *   LANDFALL_CRASH_FILE=FILE    arms processes that are running already: see `armedByFile`
 */
interface Wanted {
  readonly name: string;
  readonly occurrence: number;
  readonly mark: string;
}

/** Null: none of the variables is set, and nothing needs wrapping. */
export function crashHookFromEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  die: () => void = () => process.kill(process.pid, 'SIGKILL'),
): CrashHook | null {
  const { LANDFALL_CRASH_AT: at, LANDFALL_CRASH_TRACE: trace, LANDFALL_CRASH_MARKS: marks } = environment;
  const file = environment.LANDFALL_CRASH_FILE;
  if (!at && !trace && !file) return null;
  const armed = file ? armedByFile(file) : () => null;
  const wanted = (at ?? '').split(',').filter(Boolean).map(parsePoint);
  const reached = new Map<string, number>();
  return (point) => {
    const times = (reached.get(point) ?? 0) + 1;
    reached.set(point, times);
    if (trace) appendFileSync(trace, `${point}#${times}\n`);
    const fate = armed(point);
    if (fate === 'stop') process.kill(process.pid, 'SIGSTOP');
    if (fate !== null) return fate === 'die' ? die() : undefined;
    const next = wanted.find((each) => !marks || !exists(join(marks, each.mark)));
    if (next?.occurrence !== times || !isNamed(point, next.name)) return;
    if (marks && !take(join(marks, next.mark))) return;
    die();
  };
}

/** The books as they are, or with crash points when the environment asks for them. */
export function underCrashPoints<B extends { readonly books: RestoreBooks; readonly captures: CaptureBooks }>(
  all: B,
): B {
  const hook = crashHookFromEnvironment();
  if (hook === null) return all;
  return { ...all, books: withCrashPoints(all.books, hook), captures: withCaptureCrashPoints(all.captures, hook) };
}

function parsePoint(text: string, index: number): Wanted {
  const [name = '', occurrence = '1'] = text.trim().split('#');
  return { name, occurrence: Number(occurrence), mark: `${index + 1}-${text.trim()}` };
}

function isNamed(point: string, name: string): boolean {
  if (point === name) return true;
  const parts = point.split('.');
  return parts.length === 4 && [parts[0], parts[2], parts[3]].join('.') === name;
}

function exists(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Two processes may come to the same point at once: one of them dies. */
function take(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch {
    return false;
  }
}
