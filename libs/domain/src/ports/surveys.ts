import type { ErrorDetails } from '../errors.js';
import type { RestorePoint } from '../machine.js';

/*
 * What a scan has noted of each point, so that its restore can be planned without reading its bytes, which may lie in the
 * archive tier by then: what its disks showed, and which blobs each of them is made of.
 */
export interface PointSurvey {
  /** As libs/disk has made it; the paths are the disks' names. */
  readonly inspection: unknown;
  readonly disks: readonly SurveyedDisk[];
}

export interface SurveyedDisk {
  /** As in the point. */
  readonly name: string;
  readonly location: string;
  readonly blobs: BlobList;
}

/** The blobs that make up a file, in order. */
export interface BlobList {
  /** Of the file. */
  readonly sizeBytes: number;
  /** The other blobs that are read to find out which these are, as 64 hexadecimal digits each. */
  readonly trees: readonly string[];
  readonly parts: readonly BlobListPart[];
}

/**
 * A stretch of such a list. Lists are cut where their contents say so: the lists of backups of one disk have most of their parts
 * in common, and each is kept once.
 */
export interface BlobListPart {
  /** SHA-256 of `ids`, as 64 hexadecimal digits. */
  readonly hash: string;
  /** One after the other, 32 bytes each. */
  readonly ids: Uint8Array;
}

/** The surveys of all points. A point's survey goes with it, and when a scan finds its disks elsewhere. */
export interface PointSurveys {
  /**
   * The newest point with disks that nobody has surveyed, lent to who asks for so long; null: there is none at the moment.
   * No two are lent the same at once.
   * @param repositoryName left out: of all repositories
   */
  lend(seconds: number, repositoryName?: string): Promise<RestorePoint | null>;
  /** Nothing is kept of a point that is gone, or whose disks lie elsewhere by now. */
  keep(pointId: string, survey: PointSurvey): Promise<void>;
  /** It can't be surveyed as it is: it is not lent again until the repository has been scanned again. */
  refuse(pointId: string, error: ErrorDetails): Promise<void>;
  survey(pointId: string): Promise<PointSurvey | null>;
  /** Of the survey alone, for whoever shows it. */
  inspection(pointId: string): Promise<unknown>;
  /** How many points of the repository wait for their survey. */
  waiting(repositoryName: string): Promise<number>;
  /** Removes what no survey needs any more. Returns the number of parts. */
  clear(): Promise<number>;
}
