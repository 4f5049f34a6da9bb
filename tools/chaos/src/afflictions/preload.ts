import { appendFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { skewClock } from './clock.js';
import { spoilDisks } from './disk.js';
import { describeStruck, readPlan, type Afflictions } from './plan.js';

/*
 * Loaded before a process' own program: `node --import file:///…/preload.js?plan=FILE&name=NAME&kind=KIND&disks=FOLDER main.js`.
 * Whoever is struck writes its name into FILE.struck, so that a trial knows that what it is about has happened.
 */
const LOOK_EVERY_MS = 50;

const { searchParams } = new URL(import.meta.url);
const file = searchParams.get('plan') ?? '';
const name = searchParams.get('name') ?? '';
const kind = searchParams.get('kind') ?? name;
const disks = searchParams.get('disks') ?? '';

let plan: Afflictions = {};
let lookedAt = -Infinity;
function current(): Afflictions {
  const now = performance.now();
  if (now - lookedAt >= LOOK_EVERY_MS) {
    lookedAt = now;
    plan = readPlan(file);
  }
  return plan;
}

const struck = new Set<string>();
function strike(what: string): void {
  if (struck.has(what)) return;
  struck.add(what);
  appendFileSync(`${file}.struck`, `${name}: ${what}\n`);
}

skewClock(() => {
  const { clockMs } = current();
  const skew = clockMs?.[name] ?? clockMs?.[kind] ?? clockMs?.['*'] ?? 0;
  if (skew !== 0) strike(`clock ${skew}`);
  return skew;
});
if (disks !== '') {
  await spoilDisks(
    disks,
    () => current().disk,
    (kind, path) => strike(describeStruck({ kind, lun: lunOf(path), workerId: process.env.LANDFALL_WORKER_ID ?? '?' })),
  );
}

/** At which this worker has the disk; -1: at none any more. */
function lunOf(path: string): number {
  const directory = process.env.LANDFALL_DISK_DIRECTORY ?? '';
  const link = readdirSync(directory).find((entry) => realpathSync(join(directory, entry)) === path);
  return Number(link ?? -1);
}
