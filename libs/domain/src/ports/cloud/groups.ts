import type { Purpose } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';
import type { CallJournal } from './journal.js';
import type { Owned } from './owned.js';
import type { CloudDisk, CloudResourceGroup } from './reader.js';

/** Resource groups. What `Cloud` says of changes holds for each method. */
export interface CloudGroups {
  ensure(spec: GroupSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudResourceGroup>;
  /**
   * What is gone already is a success. Returns whether it was there.
   * @throws RetryableError `GROUP_NOT_EMPTY` while anything lies in it, whosever it is: Azure may list for some seconds what
   *   was just deleted
   */
  remove(group: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /**
   * Asks Azure whether it would move the disks, and changes nothing. Returns what stands in the way at present; none: it would.
   * What may take minutes.
   * @throws RetryableError, PermanentError where Azure does not say: it can't be reached, or something that is named is missing
   */
  validateMove(move: MoveWish, signal?: AbortSignal): Promise<readonly MoveObstacle[]>;
  /**
   * Moves disks of ours from one resource group to another, in one call; what is at its target already counts as moved. Both
   * groups are closed to all changes meanwhile, whosever they are, for minutes and at worst for hours. Returns the disks as they
   * are now, under their new IDs, in the order in which they were given.
   * @throws PermanentError `MOVE_INVALID`, or the code of the reason itself, when Azure refuses for good; `DISK_REPLACED` when
   *   another disk is found under one of the IDs. RetryableError `MOVE_TIMED_OUT` when Azure has given up half-way: asked again,
   *   it moves the rest. WaitingError `AZURE_BUSY` while anything else is being moved out of one of the groups, or into it
   */
  moveDisks(move: DiskMove, journal: CallJournal, signal?: AbortSignal): Promise<readonly CloudDisk[]>;
}

/** Both groups by their names. */
export interface MoveWish {
  readonly from: string;
  readonly to: string;
  readonly diskIds: readonly string[];
}

export interface DiskMove extends Pick<MoveWish, 'from' | 'to'> {
  readonly disks: readonly MovingDisk[];
}

/** Told by Azure's own number for it, under whichever ID it is found. */
export interface MovingDisk {
  /** As it was before. */
  readonly azureId: string;
  readonly uniqueId: string;
}

/** Why Azure would not move something. */
export interface MoveObstacle {
  /** It goes by itself, as an operation does that is under way. Else somebody has to act. */
  readonly passes: boolean;
  /** Landfall's code for it, such as `MOVE_INVALID`. */
  readonly code: string;
  /** Azure's own code, such as `MoveNotSupported`. */
  readonly reason: string;
  /** Azure's own sentence, which names the resource. */
  readonly message: string;
  readonly fix: string;
}

export interface GroupSpec {
  readonly name: string;
  readonly region: string;
  readonly tags: Tags;
  /** For the ledger, as the next one. */
  readonly role: string;
  readonly purpose: Purpose;
}
