import type { ByteRange, ByteReader, CaptureBooks, Cloud, SecretBox } from '@landfall/domain';
import type { Restic } from '@landfall/repository/writing';

/** Makes the snapshots of a restore point. */
export type PointWriter = Pick<Restic, 'open' | 'backup' | 'snapshotsWith' | 'forget'>;

/** The contents of a snapshot, and where something may be in them. */
export interface SnapshotSource extends ByteReader {
  allocated(range: ByteRange, signal?: AbortSignal): Promise<readonly ByteRange[]>;
}

export interface CapturePorts {
  readonly cloud: Cloud;
  readonly captures: CaptureBooks;
  readonly secrets: SecretBox;
  readonly applianceId: string;
  /** @throws NotFoundError `REPOSITORY_UNKNOWN`, PermanentError `REPOSITORY_KIND_UNAVAILABLE` */
  writerOf(repositoryName: string): Promise<PointWriter>;
  openSnapshot(name: string, url: string, sizeBytes: number): SnapshotSource;
  /** Milliseconds between looks at snapshots that are not complete; 2 s when left out. */
  readonly lookEveryMs?: number;
  /** As of the removal of what was made. */
  readonly looksForIntended?: readonly number[];
}
