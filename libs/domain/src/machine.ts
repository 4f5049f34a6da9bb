import type { Problem } from './problems.js';

/** Of the processor, as Azure names it. */
export type Architecture = 'x64' | 'Arm64';

export type Firmware = 'bios' | 'uefi';
export type PointKind = 'image' | 'snapshot' | 'computer';
/** How much of a computer was backed up; only `computer` and `volume` can be restored to Azure. */
export type BackupLevel = 'computer' | 'volume' | 'file';
export type DiskRole = 'os' | 'data';
export type OsFamily = 'linux' | 'windows';

export interface OperatingSystem {
  readonly family: OsFamily;
  readonly name?: string;
}

/** One disk of a restore point. */
export interface PointDisk {
  /** Short and unique in its point, as the manifest has it or the image's file name without its ending. */
  readonly name: string;
  /** Opaque to all but the repository that made it: says where the image lies (restic: snapshot ID and path). */
  readonly location: string;
  readonly sizeBytes: number;
  /** Known from the manifest only; else the first disk is the OS disk. */
  readonly role?: DiskRole;
  readonly lun?: number;
  readonly sku?: string;
  readonly caching?: 'None' | 'ReadOnly' | 'ReadWrite';
  /** For level `volume`: the numbers of the partitions that were backed up. */
  readonly volumes?: readonly number[];
  /** Left out where it was found before this was looked at. */
  readonly origin?: DiskOrigin;
}

/** Where the image of a disk was, and when it was backed up, as the backup program has noted it. */
export interface DiskOrigin {
  /** Empty where it is not known. */
  readonly host: string;
  /** Absolute, with the separators of that host. */
  readonly path: string;
  readonly tags: readonly string[];
  /** ISO 8601 in UTC. */
  readonly takenAt: string;
}

/** One state of one machine, as a repository tells it. Everything in it is untrusted. */
export interface DiscoveredPoint {
  /** Stable in its repository: the value of the `landfall-point` tag, or a snapshot's full ID. */
  readonly reference: string;
  /** Same for all points of one machine in this repository; for plain restic snapshots host and paths. */
  readonly machineKey: string;
  /** The name by which a person knows the machine; not necessarily unique. */
  readonly machineName: string;
  /** More names that a person may use to find it, such as the host that made the backup. */
  readonly aliases: readonly string[];
  readonly takenAt: Date;
  readonly kind: PointKind;
  readonly level: BackupLevel;
  readonly os?: OperatingSystem;
  readonly firmware?: Firmware;
  readonly disks: readonly PointDisk[];
  /** What the manifest says of the Azure VM that was backed up, unparsed. */
  readonly azure?: Readonly<Record<string, unknown>>;
  readonly hasManifest: boolean;
  readonly problems: readonly Problem[];
}

/** A restore point as it is kept and shown. */
export interface RestorePoint extends DiscoveredPoint {
  /** `rp-` and ten hexadecimal digits, from the repository's name and the reference. */
  readonly id: string;
  readonly repositoryName: string;
  readonly machineId: string;
}

export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly repositoryName: string;
  readonly points: number;
  readonly latestPointAt: Date | null;
  /** Of the images of its latest point, where they are known. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

/** `hosts` and `paths` of a machine, from the disks of its latest point. */
export function placesOf(disks: readonly PointDisk[]): Pick<Machine, 'hosts' | 'paths'> {
  const origins = disks.flatMap(({ origin }) => (origin === undefined ? [] : [origin]));
  const hosts = origins.map(({ host }) => host).filter((host) => host !== '');
  return { hosts: [...new Set(hosts)], paths: [...new Set(origins.map(({ path }) => path))] };
}

export type RepositoryKind = 'restic' | 'images' | 'snapshots';

export interface RepositoryRecord {
  readonly name: string;
  readonly kind: RepositoryKind;
  /** A folder's absolute path, or `azure://ACCOUNT/CONTAINER/PREFIX`; never with a credential. */
  readonly url: string;
  readonly hostedByProvider: boolean;
  readonly addedAt: Date;
  readonly scannedAt: Date | null;
  readonly points: number;
}
