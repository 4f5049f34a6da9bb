import type { LedgerEntry, Restore, RestoreBooks, RestoreEvent, Segment } from '@landfall/domain';

/*
 * What the oracle judges by. Everything is plain data, so that it can come from doubles in memory as well as from a real
 * database, a real queue and an emulated or real subscription. What a run can't tell is left out, and not judged.
 */
export interface Evidence {
  readonly applianceId: string;
  readonly restores: readonly RestoreHistory[];
  /** Faults have stopped, and everything had its time to end. */
  readonly settled: boolean;
  /** Every disk, network interface, VM and resource group of the subscription. */
  readonly inventory?: readonly InventoryItem[];
  /** What is not this appliance's, before and after the run; `print` changes whenever the thing does. */
  readonly foreign?: { readonly before: readonly Fingerprint[]; readonly after: readonly Fingerprint[] };
  /** Machines that restores to the original location replace, or were to. */
  readonly sources?: readonly SourceEvidence[];
  /** As `AuditLog.verify` tells it. */
  readonly audit?: { readonly entries: number; readonly brokenAt: number | null };
  /** Contents of restored disks and of their backups, such as their SHA-256. */
  readonly disks?: readonly DiskComparison[];
  /** Disks that a data-mover has surely found to be bad: whatever comes after that, they are not handed over. */
  readonly failedForGood?: readonly FailedDisk[];
  /** All writes to disks and reads for verification, in the order in which they reached the disk. */
  readonly diskAccesses?: readonly DiskWrite[];
  /** Requests to Azure, and how many of them there may be. */
  readonly arm?: { readonly calls: readonly ArmRequest[]; readonly budgets: readonly ArmBudget[] };
  /** Wherever a secret must not be: logs, a dump of Redis, the database's text, errors. */
  readonly texts?: readonly { readonly where: string; readonly text: string }[];
  /** Secrets that were planted: none of them may be in a text. */
  readonly canaries?: readonly string[];
}

export interface RestoreHistory {
  readonly restore: Restore;
  readonly events: readonly RestoreEvent[];
  readonly ledger: readonly LedgerEntry[];
  readonly segments: readonly Segment[];
}

export interface InventoryItem {
  readonly azureId: string;
  readonly kind: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Fingerprint {
  readonly azureId: string;
  readonly print: string;
}

/** A machine that somebody has, and that a restore is to replace. */
export interface SourceEvidence {
  readonly restoreId: string;
  /** As somebody has made it, and what they have made of it since. */
  readonly found: MachineState;
  /** What stands under its id at present; null: nothing. */
  readonly now: MachineState | null;
  /** Whether somebody has started it in the course of the restore. */
  readonly wasStarted: boolean;
  /** Whether what stands in its place at present is a third machine, which somebody else has made. */
  readonly isOthers: boolean;
  /** All that it has had, with those that somebody has attached since. */
  readonly disks: readonly SourceDiskEvidence[];
  /** The ids of all that it consisted of. */
  readonly azureIds: readonly string[];
  /** What Landfall has had removed of what carries no tags of its own, in order. */
  readonly removals: readonly { readonly azureId: string; readonly number: string; readonly at: Date }[];
  /** Of it and its parts, in the books. */
  readonly openChanges: readonly string[];
  /** Whether its model is in the books. */
  readonly hasModel: boolean;
}

export interface MachineState {
  /** Azure's own number. */
  readonly instanceId: string;
  /** Such as `deallocated`. */
  readonly power: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly disks: readonly MachineDisk[];
  /** What a restore changes for a while, and what it attaches again; as text. */
  readonly settings: { readonly parts: string; readonly nics: string };
}

export interface MachineDisk {
  readonly azureId: string;
  /** Azure's own number. */
  readonly uniqueId: string;
  /** Null for the OS disk. */
  readonly lun: number | null;
  /** The state in which it was made; null: not known. */
  readonly madeAs: string | null;
}

export interface SourceDiskEvidence {
  readonly azureId: string;
  /** Azure's own number. */
  readonly uniqueId: string;
  readonly lun: number | null;
  /** Whether somebody has attached it after the plan was made. */
  readonly isLate: boolean;
  /** Whether the very disk is there. */
  readonly stands: boolean;
  /** What it holds, or has held when it was removed: equal only where each byte is. */
  readonly last: string;
  /** What its complete snapshots hold. */
  readonly copies: readonly string[];
}

export interface DiskComparison {
  readonly restoreId: string;
  readonly diskName: string;
  readonly expected: string;
  readonly actual: string;
}

export interface FailedDisk {
  readonly restoreId: string;
  readonly diskName: string;
  /** Of the error that its restore has to end with. */
  readonly code: string;
}

export interface DiskWrite {
  readonly what: 'write' | 'verify';
  readonly diskId: string;
  readonly segmentId: string;
  readonly epoch: number;
  readonly mover: string;
  readonly offset: number;
}

export interface ArmRequest {
  /** Milliseconds. */
  readonly at: number;
  readonly method: string;
}

/** A token bucket: so many at once, and so many a second on top. */
export interface ArmBudget {
  readonly methods: readonly string[];
  readonly burst: number;
  readonly perSecond: number;
}

const PAGE = 1_000;

/** What the books tell of all restores, whichever books they are. */
export async function historiesOf(
  books: Pick<RestoreBooks, 'restores' | 'events' | 'ledger' | 'segments'>,
): Promise<readonly RestoreHistory[]> {
  const histories: RestoreHistory[] = [];
  for (const restore of await books.restores({ limit: 100_000 })) {
    const events: RestoreEvent[] = [];
    for (let page: readonly RestoreEvent[] = []; ;) {
      page = await books.events(restore.id, events.at(-1)?.sequence ?? 0, PAGE);
      events.push(...page);
      if (page.length < PAGE) break;
    }
    const [ledger, segments] = await Promise.all([books.ledger(restore.id), books.segments(restore.id)]);
    histories.push({ restore, events, ledger, segments });
  }
  return histories;
}
