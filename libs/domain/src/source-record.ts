/*
 * What a restore writes down of the machine that it replaces, before anything of it is removed: with this and the safety snapshots
 * it can be made anew.
 */
export interface SourceRecord {
  /** How often its snapshots were taken; those of an earlier time are of an earlier state. 0: not yet. */
  readonly take: number;
  /** Whether it ran when it was looked at first: whoever puts it back starts it then, and leaves it alone else. */
  readonly ran: boolean;
  /** JSON of its `SavedVm` as it was found, before anything of it was changed; sealed, because it may hold secrets of its owner's. */
  readonly sealedModel: string;
  /** When it was told to stop, or was found stopped, for this take; by the books' own clock. Null before the first take. */
  readonly stoppedAt: Date | null;
  /** One of each disk that was attached at this take, whether it is there already or not. */
  readonly snapshots: readonly RecordedSnapshot[];
}

export interface RecordedSnapshot {
  /** Of the disk. */
  readonly diskId: string;
  /** Azure's own number for the disk. */
  readonly uniqueId: string;
  /** Null for the OS disk. */
  readonly lun: number | null;
  readonly snapshotId: string;
  /** Azure's `LastOwnershipUpdateTime` of the disk, word for word, before the snapshot was asked for. A start changes it. */
  readonly ownership: string | null;
  /** Whether the machine stood still in the state that it is of when its removal was about to be asked for. Left out: no. */
  readonly isOfLastState?: boolean;
  /**
   * The same of the disk once its machine was gone: who has used it since has changed it, and has written to it perhaps. Null: it was
   * in use already. Left out: it has not been looked at yet.
   */
  readonly released?: string | null;
}
