import {
  carriesTags,
  CLAIM_TAG,
  hasEnded,
  ownerTags,
  presentRound,
  tagOf,
  type ReplacedVm,
  type Restore,
} from '@landfall/domain';
import type { Evidence, MachineState, RestoreHistory, SourceEvidence } from './evidence.js';
import type { Violation } from './violation.js';

/*
 * The machine that a restore to the original location replaces: what may have been taken of it and when, and what has to stand in
 * its place once all is over.
 */
interface Case {
  readonly restore: Restore;
  readonly replaced: ReplacedVm;
  readonly source: SourceEvidence;
  readonly applianceId: string;
}

type Rule = (given: Case) => readonly [what: string, evidence: unknown][];

/** I2 */
export function sourceIsKept(evidence: Evidence): Violation[] {
  return [
    ...evidence.restores.flatMap(gateWasPassed),
    ...broken(evidence, 'I2', [removedBehindTheGate, removedAsPlanned]),
  ];
}

/** What the books alone tell, where nobody has looked at the source itself. */
function gateWasPassed({ restore: { id, cutOverAt, works } }: RestoreHistory): Violation[] {
  const isRemoved = works.some((work) => work.id === 'remove-source' && work.state === 'done');
  if (!isRemoved || cutOverAt !== null) return [];
  return [{ invariant: 'I2', what: `Restore ${id} has removed its source, and has not cut over.`, evidence: works }];
}

/** I3 */
export function sourceCanBeBroughtBack(evidence: Evidence): Violation[] {
  const rules: Rule[] = [bytesAreKept];
  if (evidence.settled) rules.push(changesAreUndone, oneMachineStands);
  return broken(evidence, 'I3', rules);
}

function broken(evidence: Evidence, invariant: 'I2' | 'I3', rules: readonly Rule[]): Violation[] {
  const { restores, sources = [], applianceId } = evidence;
  return sources.flatMap((source) => {
    const restore = restores.find((each) => each.restore.id === source.restoreId)?.restore;
    const replaced = restore?.plan?.source;
    if (restore === undefined || replaced === undefined) return [];
    return rules.flatMap((rule) =>
      rule({ restore, replaced, source, applianceId }).map(([what, about]) => ({
        invariant,
        what: `Restore ${restore.id}, which is ${restore.state}: ${what}`,
        evidence: about,
      })),
    );
  });
}

function removedBehindTheGate({ restore: { cutOverAt }, source: { removals } }: Case): ReturnType<Rule> {
  return removals
    .filter(({ at }) => cutOverAt === null || at < cutOverAt)
    .map((removal) => ['a part of the source was removed before the gate was passed.', { cutOverAt, removal }]);
}

function removedAsPlanned({ replaced, source: { removals } }: Case): ReturnType<Rule> {
  const named = [replaced.instanceId, ...replaced.disks.flatMap((disk) => (disk.replacedBy ? [disk.uniqueId] : []))];
  return removals
    .filter(({ number }) => !named.includes(number))
    .map((removal) => ['something was removed that the plan does not name as replaced.', removal]);
}

/** Each of its disks stands, or there is a complete snapshot of its last state, until somebody has purged it. */
function bytesAreKept({ restore, source }: Case): ReturnType<Rule> {
  const gone = source.disks.filter(({ stands }) => !stands);
  if (gone.length > 0 && !source.hasModel) return [['the source is gone, and its model is not saved.', gone]];
  if (isPurged(restore)) return [];
  return gone
    .filter(({ last, copies }) => !copies.includes(last))
    .map((disk) => ['a disk of the source is gone, and no complete snapshot holds its last state.', disk]);
}

function isPurged(restore: Restore): boolean {
  const round = presentRound(restore, 'after');
  return restore.works.some((work) => work.id === 'purge' && work.round === round);
}

function changesAreUndone({ restore, source: { openChanges } }: Case): ReturnType<Rule> {
  if (!hasEnded(restore.state) || openChanges.length === 0) return [];
  return [['what was changed of the source is not put back.', openChanges]];
}

function oneMachineStands(given: Case): ReturnType<Rule> {
  const { restore, source } = given;
  if (!hasEnded(restore.state) || source.isOthers) return [];
  const { now, found } = source;
  if (now === null) return [['nothing stands in the place of the source.', found]];
  if (restore.state !== 'completed' && now.instanceId === found.instanceId) return asFound(given, now);
  if (restore.cutOverAt === null) return [['another machine stands in the place of the source.', now]];
  return restore.state === 'completed' ? asRestored(given, now) : asBroughtBack(given, now);
}

function asFound({ source }: Case, now: MachineState): ReturnType<Rule> {
  const { found } = source;
  const isSame =
    JSON.stringify([now.tags, now.settings, placesOf(now)]) ===
    JSON.stringify([found.tags, found.settings, placesOf(found)]);
  return isSame && hasPower(source, now, found.power) ? [] : [['the source is not as it was found.', { found, now }]];
}

function placesOf({ disks }: MachineState): readonly string[] {
  return disks.map(({ lun, uniqueId }) => `${lun ?? 'os'} ${uniqueId}`).sort();
}

/** Somebody who has started it meanwhile has made it run, and may have done so while it was being stopped. */
function hasPower({ wasStarted }: SourceEvidence, { power }: MachineState, wanted: string): boolean {
  return power === wanted || wasStarted;
}

function asRestored({ restore, replaced, source, applianceId }: Case, now: MachineState): ReturnType<Rule> {
  const plan = restore.plan!;
  const restored = plan.disks.map(({ name, role, lun }) => {
    const { azureId = null } = restore.disks.find((disk) => disk.name === name) ?? {};
    return `${role === 'os' ? 'os' : String(lun)} ${azureId?.toLowerCase() ?? 'unknown'}`;
  });
  const kept = replaced.disks.flatMap(({ azureId, lun, replacedBy }) =>
    replacedBy === null ? [`${lun ?? 'os'} ${azureId.toLowerCase()}`] : [],
  );
  const taken = [...restored, ...kept].map((place) => place.split(' ')[0]);
  // One that somebody has attached since the plan is attached again, unless a restored disk has its place. Nobody knows of one that
  // was attached to a machine which somebody else has removed.
  const isOurs = source.removals.some(({ number }) => number === replaced.instanceId);
  const late = source.disks.flatMap(({ isLate, stands, azureId, lun }) =>
    isLate && stands && !taken.includes(String(lun)) ? [`${lun} ${azureId.toLowerCase()}`] : [],
  );
  const has = now.disks.map(({ azureId, lun }) => `${lun ?? 'os'} ${azureId.toLowerCase()}`).sort();
  const found: [string, unknown][] = lostOnes({ restore, replaced, source, applianceId });
  const allowed = [late, ...(isOurs ? [] : [[]])].map((each) => JSON.stringify([...restored, ...kept, ...each].sort()));
  if (!allowed.includes(JSON.stringify(has)))
    found.push(['the restored machine does not have its disks.', { has, restored, kept, late }]);
  if (!carriesTags(now.tags, ownerTags(applianceId, restore.id, 'vm')) || !keepsTags(source, now))
    found.push(['the restored machine does not carry its tags.', now]);
  if (now.settings.nics !== source.found.settings.nics)
    found.push(['the restored machine has other network interfaces.', now]);
  if (now.power !== (plan.options.powerOn ? 'running' : 'deallocated'))
    found.push(['the restored machine is not in the power state that was asked for.', now]);
  return found;
}

/** What the plan keeps stands. */
function lostOnes({ replaced, source }: Case): [string, unknown][] {
  const replacedOnes = replaced.disks.flatMap((disk) => (disk.replacedBy ? [disk.uniqueId] : []));
  return source.disks
    .filter(({ uniqueId, stands }) => !stands && !replacedOnes.includes(uniqueId))
    .map((disk) => ['a disk is lost that was to be kept.', disk]);
}

/** Around the disks of the source: those that stood, and the others from their last state. */
function asBroughtBack({ source }: Case, now: MachineState): ReturnType<Rule> {
  const found: [string, unknown][] = source.disks
    .filter(({ isLate, stands }) => isLate && !stands)
    .map((disk) => ['a disk is lost that somebody has attached.', disk]);
  for (const disk of source.disks.filter(({ isLate }) => !isLate)) {
    const there = now.disks.find(({ lun }) => lun === disk.lun);
    const isIt =
      there !== undefined && (there.uniqueId === disk.uniqueId || (!disk.stands && there.madeAs === disk.last));
    if (!isIt) found.push(['a disk of the source is not on the machine that was brought back.', { disk, there }]);
  }
  const others = now.disks.filter(({ lun }) => !source.disks.some((disk) => disk.lun === lun));
  if (others.length > 0) found.push(['the machine that was brought back has other disks.', others]);
  if (now.settings.nics !== source.found.settings.nics)
    found.push(['the machine that was brought back has other network interfaces.', now]);
  if (!keepsTags(source, now)) found.push(['the machine that was brought back has lost tags.', now]);
  if (!hasPower(source, now, source.found.power))
    found.push(['the machine that was brought back is not in the power state of the source.', now]);
  return found;
}

function keepsTags({ found }: SourceEvidence, now: MachineState): boolean {
  return carriesTags(now.tags, found.tags) && tagOf(now.tags, CLAIM_TAG) === null;
}
