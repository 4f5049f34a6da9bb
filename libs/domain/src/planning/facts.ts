import type { Architecture, Firmware, OperatingSystem, RestorePoint } from '../machine.js';
import type {
  CloudDisk,
  CloudLock,
  CloudResourceGroup,
  CloudSubnet,
  CloudUsage,
  CloudVm,
  SavedVm,
  VmSize,
} from '../ports/cloud/reader.js';
import type { PolicyAnswer, ToBeMade } from '../ports/cloud/policies.js';
import type { Problem } from '../problems.js';
import type { RestoreRequest } from '../request.js';

/*
 * Everything that a plan is decided from. The planner service gathers it; the rules beside this file only look at it,
 * so that the same facts always give the same plan.
 */
export interface PlanningFacts {
  readonly point: RestorePoint;
  /** The repository is marked as hosted by a service provider. */
  readonly hostedByProvider: boolean;
  readonly request: RestoreRequest;
  readonly disks: readonly DiskFacts[];
  readonly machine: MachineFacts;
  /** Null: nothing that is read is known to be archived. */
  readonly archive: ArchiveFacts | null;
  readonly target: TargetFacts;
  /**
   * What Azure's policies say to what the plan makes. What that is the same facts decide without it (`makingsOf`): so it is empty
   * at first, and is filled in for a second decision.
   */
  readonly policies: readonly JudgedMaking[];
  readonly settings: PlanningSettings;
}

/** Something that a plan makes. */
export interface PlannedMaking {
  /** Less the restore's suffix: the same facts give the same plan, whichever restore it is for. */
  readonly name: string;
  readonly made: ToBeMade;
}

/** With what Azure has answered. */
export interface JudgedMaking extends PlannedMaking {
  readonly answer: PolicyAnswer;
}

/** What was measured of one disk of the point. */
export interface DiskFacts {
  /** As in the point. */
  readonly name: string;
  /** Bytes in ranges that are not known to be zero; null when it could not be read. */
  readonly usedBytes: number | null;
}

/** What lies in the archive tier of all that the disks are read from. */
export interface ArchiveFacts {
  readonly files: readonly ArchivedFile[];
}

export interface ArchivedFile {
  /** In the repository. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** What Azure charges for bringing back what is archived, as somebody has looked it up. */
export interface ArchivePrices {
  /** When it was looked up; such as `2026-10-01`. */
  readonly asOf: string;
  readonly currency: string;
  readonly writesPer10000: number;
  readonly standard: PriorityPrices;
  readonly high: PriorityPrices;
}

export interface PriorityPrices {
  readonly readsPer10000: number;
  readonly perGib: number;
}

/** What was found by looking into the disks. */
export interface MachineFacts {
  /** Firmwares with which something on the disks boots; empty when nothing does, both for a hybrid image. */
  readonly boots: readonly Firmware[];
  /** The disk that the evidence in `boots` is on; null when nothing boots. */
  readonly bootDisk: string | null;
  readonly os: OperatingSystem | null;
  /** Of the processors that its system is made for; null where nothing tells. */
  readonly architecture: Architecture | null;
  readonly volumeGroups: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** What could not be made out, as warnings; damage of the repository as errors. */
  readonly problems: readonly Problem[];
}

/** What was found at the place where the restore goes. */
export interface TargetFacts {
  /** Null when it does not exist or none was named. */
  readonly resourceGroup: CloudResourceGroup | null;
  readonly regions: readonly string[];
  /** Of the region that `decideRegion` gives; empty when there is none. */
  readonly sizes: readonly VmSize[];
  readonly usages: readonly CloudUsage[];
  /** The one that `namedSubnet` gives; null when none is named or it does not exist. */
  readonly subnet: CloudSubnet | null;
  /** In the resource group's own networks. */
  readonly subnetsInResourceGroup: readonly CloudSubnet[];
  /** Azure would not give the machine the address that the request names; false where `addressToAskFor` gives none. */
  readonly privateIpTaken: boolean;
  /** The workers' subnet of the settings; null when none is set or it does not exist. */
  readonly workerSubnet: CloudSubnet | null;
  /** A VM with the name that `decideVmName` gives is there already. */
  readonly vmExists: boolean;
  /** Provider namespaces, such as `Microsoft.Compute`, that are needed and not registered. */
  readonly unregisteredProviders: readonly string[];
  /** Null where the restore goes to a new place. */
  readonly original: OriginalFacts | null;
}

/** What was found of the machine that a restore to its original place replaces. */
export interface OriginalFacts {
  /** Null: there is none under the ID that the point gives, or it gives none (`originalVm`). */
  readonly vm: CloudVm | null;
  /** All that it consists of, read right after it; null: there was none by then. */
  readonly saved: SavedVm | null;
  /** Of the data disks that the machine had when it was backed up (`originalDiskIds`), those that exist. */
  readonly formerDisks: readonly CloudDisk[];
  /** Other restores that replace it, or have, and have not ended. */
  readonly otherRestores: readonly string[];
  /** On it, on its parts, and on all that it lies in. */
  readonly locks: readonly CloudLock[];
}

export interface PlanningSettings {
  readonly subscriptionId: string;
  readonly defaultRegion: string | null;
  readonly defaultResourceGroup: string | null;
  readonly defaultSubnetId: string | null;
  readonly workerSubnetId: string | null;
  /** Null: nobody has looked them up. */
  readonly archivePrices: ArchivePrices | null;
  /** Of this installation: by default Azure's `vmId` of the VM that it runs on. */
  readonly applianceId: string;
}
