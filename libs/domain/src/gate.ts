import { approvalProblems, type Approval } from './approval.js';
import type { Problem } from './problems.js';
import type { DiskVerdict } from './restore.js';
import { problemsBy, rule, type Rule } from './rules.js';

/*
 * The gate: what has to be true before the first thing of a source is removed. Until then a restore can be cancelled and the
 * machine is as it was; from then on it is completed or rolled back.
 */

/** What is known at the gate. Null: it could not be found out, which lets nobody pass. */
export interface GateFacts extends BookedFacts, ObservedFacts {}

/** Read from the books, under the restore's lock. */
export interface BookedFacts {
  readonly restoreId: string;
  /** Of the plan that is carried out. */
  readonly planHash: string | null;
  readonly requestedBy: string;
  /** The latest. Null: none was given. */
  readonly approval: Approval | null;
  /** All disks of the plan. */
  readonly disks: readonly BookedDisk[] | null;
  /** What data-movers have found out about any of them for good. */
  readonly verdicts: readonly DiskVerdict[] | null;
}

export interface BookedDisk {
  /** As in the plan. */
  readonly name: string;
  /**
   * Whether all that was to be written is written, and was read back once nobody could write to it any more; every segment of
   * it is done, and some read back.
   */
  readonly isVerified: boolean | null;
}

/** Found out by the run that wants to pass, right before; of Azure where nothing else is said. */
export interface ObservedFacts {
  readonly source: ObservedSource;
  readonly stop: SourceStop;
  readonly checks: GateChecks;
  /** Of the disks of the source, made since it was stopped. */
  readonly snapshots: readonly SafetySnapshot[] | null;
  readonly saved: SavedModel;
  readonly restored: readonly RestoredDiskNow[] | null;
}

export interface ObservedSource {
  /** Azure's `vmId`, as it was when the restore was planned. */
  readonly recordedInstanceId: string | null;
  /** Azure's `vmId` at present: another VM under the same name has another one. */
  readonly instanceId: string | null;
  /** Such as `deallocated`. */
  readonly powerState: string | null;
  /** The id of the restore whose claim it carries as a tag. */
  readonly claimedBy: string | null;
  /** All that are attached, the OS disk with them. */
  readonly disks: readonly SourceDisk[] | null;
  /** Full ids of its network interfaces, and of the public addresses of those. */
  readonly nicIds: readonly string[] | null;
  readonly addressIds: readonly string[] | null;
  /** What Azure could delete along with it: each of the above. */
  readonly parts: readonly SourcePart[] | null;
}

export interface SourceDisk {
  readonly azureId: string;
  /**
   * Azure's `LastOwnershipUpdateTime`, word for word, when its safety snapshot was made and at present. A start changes it; Azure
   * has no time of the last start.
   */
  readonly ownership: { readonly atSnapshot: string | null; readonly now: string | null };
}

export interface SourcePart {
  readonly azureId: string;
  /** Such as `Detach`. */
  readonly deleteOption: string | null;
}

/** Of the restore's own record. */
export interface SourceStop {
  /** When the source was told to stop for this attempt, or was found stopped; by the books' own clock. */
  readonly at: Date | null;
  /** For how long it may stand still before anything of it is removed; Infinity where nothing limits it. */
  readonly longestSeconds: number | null;
  /** How long the machine will be gone, as the plan estimates. */
  readonly outageSeconds: number | null;
}

/** Whether each was asked for this attempt and found to be in order. */
export interface GateChecks {
  /** Azure has validated the move of the new disks to the group of the source. */
  readonly move: boolean | null;
  /** The quota takes the new machine. */
  readonly quota: boolean | null;
  /** The size is to be had where the machine will be. */
  readonly size: boolean | null;
  /** The names of the new disks are free where they will be. */
  readonly names: boolean | null;
}

export interface SafetySnapshot {
  /** Full id of the disk that it is of. */
  readonly diskId: string;
  readonly provisioningState: string | null;
  /** 0 to 100: how much of its data has been copied. */
  readonly completionPercent: number | null;
}

/** What is written down of the source, in Postgres and outside of it, so that it can be made anew. */
export interface SavedModel {
  /** Azure's `vmId` of the VM whose whole model it is. */
  readonly instanceId: string | null;
  /** Full ids of what it consists of, as far as their models are with it. */
  readonly diskIds: readonly string[] | null;
  readonly nicIds: readonly string[] | null;
  readonly addressIds: readonly string[] | null;
  /** Whether their tags are. */
  readonly hasTags: boolean | null;
}

/** A disk that was written, as it stands since the worker let go of it. */
export interface RestoredDiskNow {
  /** As in the plan. */
  readonly name: string;
  /** Such as `Unattached`. */
  readonly diskState: string | null;
  /** Azure's `uniqueId`, when its worker let go of it and at present. */
  readonly uniqueId: { readonly noted: string | null; readonly now: string | null };
}

const STOP_AGAIN = 'Resume the restore: it stops the machine and takes its snapshots anew.';

const RULES: readonly Rule<GateFacts>[] = [
  rule({
    judges: ({ source }) => [source.instanceId, source.recordedInstanceId],
    isKept: ([now, recorded]) => now === recorded,
    problem: () => ({
      code: 'SOURCE_CHANGED',
      message: 'The machine that is to be replaced is not known to be the one that was planned for.',
      fix: 'Look whether somebody has made it anew under its name; cancel the restore, and plan it again.',
    }),
  }),
  rule({
    judges: ({ restoreId, source }) => [restoreId, source.claimedBy],
    isKept: ([restoreId, claimedBy]) => restoreId === claimedBy,
    problem: ({ source }) => ({
      code: 'SOURCE_CHANGED',
      message: `The machine that is to be replaced does not carry the claim of this restore${
        source.claimedBy === null ? '' : `, but of ${source.claimedBy}`
      }.`,
      fix: 'Find out who else works on it; resume the restore once nobody does.',
    }),
  }),
  rule({
    judges: ({ source }) => source.powerState,
    isKept: (powerState) => powerState === 'deallocated',
    problem: ({ source }) => ({
      code: 'SOURCE_CHANGED',
      message: `The machine that is to be replaced is ${source.powerState ?? 'in an unknown state'}, and not deallocated.`,
      fix: STOP_AGAIN,
    }),
  }),
  rule({
    judges: ({ source }) => source.disks,
    isKept: (disks) => disks.length > 0 && disks.every(({ ownership }) => ownership.now === ownership.atSnapshot),
    problem: () => ({
      code: 'SOURCE_CHANGED',
      message: 'The machine that is to be replaced may have been started since its safety snapshots.',
      fix: STOP_AGAIN,
    }),
  }),
  rule({
    judges: ({ source: { parts, disks, nicIds, addressIds } }) => ({ parts, disks, nicIds, addressIds }),
    isKept: ({ parts, disks, nicIds, addressIds }) =>
      parts.every(({ deleteOption }) => deleteOption === 'Detach') &&
      holdsAll(idsOf(parts), [...idsOf(disks), ...lowered(nicIds), ...lowered(addressIds)]),
    problem: () => ({
      code: 'SOURCE_CHANGED',
      message:
        'A disk, a network interface or an address would be deleted along with the machine that is to be replaced.',
      fix: 'Resume the restore: it sets every deleteOption to Detach anew.',
    }),
  }),
  rule({
    judges: ({ stop: { at, longestSeconds } }) => ({ at, longestSeconds }),
    isKept: ({ at, longestSeconds }, now) => {
      const stoodMs = now.getTime() - at.getTime();
      return stoodMs >= 0 && stoodMs <= longestSeconds * 1_000;
    },
    problem: () => ({
      code: 'CUT_OVER',
      message: 'The machine that is to be replaced has stood still for longer than it may.',
      fix: 'Resume the restore when it may be stopped again, or start one anew with a larger --max-stop.',
    }),
  }),
  rule({
    judges: ({ snapshots, source }) => ({ snapshots, disks: source.disks }),
    isKept: ({ snapshots, disks }) =>
      snapshots.every(
        ({ provisioningState, completionPercent }) => provisioningState === 'Succeeded' && completionPercent === 100,
      ) && holdsAll(lowered(snapshots.map(({ diskId }) => diskId)), idsOf(disks)),
    problem: () => ({
      code: 'CUT_OVER',
      message: 'Not every disk of the machine that is to be replaced has a safety snapshot that is complete.',
      fix: STOP_AGAIN,
    }),
  }),
  rule({
    judges: ({ saved, source: { recordedInstanceId, disks, nicIds, addressIds } }) => ({
      ...{ saved, recordedInstanceId, disks, nicIds, addressIds },
    }),
    isKept: ({ saved, recordedInstanceId, disks, nicIds, addressIds }) =>
      saved.hasTags &&
      saved.instanceId === recordedInstanceId &&
      areSame(lowered(saved.diskIds), idsOf(disks)) &&
      areSame(lowered(saved.nicIds), lowered(nicIds)) &&
      areSame(lowered(saved.addressIds), lowered(addressIds)),
    problem: () => ({
      code: 'CUT_OVER',
      message: 'What is saved of the machine that is to be replaced is not the whole of it as it stands.',
      fix: STOP_AGAIN,
    }),
  }),
  rule({
    judges: ({ checks }) => checks.move,
    isKept: (isValid) => isValid,
    problem: () => ({
      code: 'MOVE_INVALID',
      message: 'Azure has not validated the move of the new disks to the resource group of the machine.',
      fix: 'Remove what keeps the disks from being moved, and resume the restore.',
    }),
  }),
  rule({
    judges: ({ checks }) => checks.quota,
    isKept: (isEnough) => isEnough,
    problem: () => ({
      code: 'QUOTA',
      message: 'The quota of the region is not known to take the new machine.',
      fix: 'Ask for more quota, and resume the restore.',
    }),
  }),
  rule({
    judges: ({ checks }) => checks.size,
    isKept: (isToBeHad) => isToBeHad,
    problem: () => ({
      code: 'SIZE_UNAVAILABLE',
      message: 'The size of the new machine is not known to be available where it will be.',
      fix: 'Resume the restore once the size is available.',
    }),
  }),
  rule({
    judges: ({ checks }) => checks.names,
    isKept: (areFree) => areFree,
    problem: () => ({
      code: 'NAME_TAKEN',
      message: 'The names of the new disks are not known to be free in the resource group of the machine.',
      fix: 'Rename or remove what bears them, and resume the restore.',
    }),
  }),
  rule({
    judges: ({ disks }) => disks,
    isKept: (disks) => disks.length > 0 && disks.every(({ isVerified }) => isVerified),
    problem: ({ disks }) => ({
      code: 'CUT_OVER',
      message: `Not every new disk is written and read back (${named(disks)}).`,
      fix: 'Start a restore anew that verifies what it writes: --verify sampled or full.',
    }),
  }),
  rule({
    judges: ({ verdicts }) => verdicts,
    isKept: (verdicts) => verdicts.length === 0,
    problem: ({ verdicts }) => ({
      code: 'CUT_OVER',
      message: `A new disk has failed for good, or may have: ${verdicts?.[0]?.message ?? 'it is not known.'}`,
      fix: 'Cancel the restore and start it anew.',
    }),
  }),
  rule({
    judges: ({ restored, disks }) => ({ restored, disks }),
    isKept: ({ restored, disks }) =>
      restored.every(({ diskState, uniqueId }) => diskState === 'Unattached' && uniqueId.now === uniqueId.noted) &&
      areSame(namesOf(restored), namesOf(disks)),
    problem: () => ({
      code: 'CUT_OVER',
      message: 'A new disk does not stand as its worker has left it: unattached, and the very disk that was written.',
      fix: 'Find out who has changed it; cancel the restore and start it anew.',
    }),
  }),
];

/**
 * What keeps a restore from removing its source. Pure.
 * @param now by the books' own clock
 * @returns one problem for each rule that is not kept; empty: the gate is open
 */
export function gateProblems(facts: GateFacts, now: Date): readonly Problem[] {
  const { approval, restoreId, planHash, requestedBy, stop } = facts;
  const need = { restoreId, planHash, requestedBy, outageSeconds: stop.outageSeconds };
  // Judged for when the source was stopped: one that has run out since must not keep it stopped.
  return [...problemsBy(RULES, facts, now), ...approvalProblems(approval, need, stop.at)];
}

/** Azure does not mind the case of ids. */
function lowered(ids: readonly string[]): readonly string[] {
  return ids.map((id) => id.toLowerCase());
}

function idsOf(things: readonly { readonly azureId: string }[]): readonly string[] {
  return lowered(things.map(({ azureId }) => azureId));
}

function namesOf(disks: readonly { readonly name: string }[]): readonly string[] {
  return disks.map(({ name }) => name);
}

function holdsAll(all: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((each) => all.includes(each));
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return holdsAll(some, others) && holdsAll(others, some);
}

/** Those that are not known to be verified. */
function named(disks: readonly BookedDisk[] | null): string {
  const open = namesOf((disks ?? []).filter(({ isVerified }) => isVerified !== true));
  return open.length === 0 ? 'there is none' : open.map((name) => `"${name}"`).join(', ');
}
