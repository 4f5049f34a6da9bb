import {
  CLAIM_TAG,
  PermanentError,
  sameId,
  SEALING_CONTEXT,
  type Cloud,
  type LedgerEntry,
  type ReplacedVm,
  type RestoreBooks,
  type SavedVm,
  type SecretBox,
  type SourceRecord,
  type SourceVm,
  type Tags,
} from '@landfall/domain';
import type { WorkContext } from '@landfall/pipeline';

/*
 * What the steps of the cut-over, and its way back, work with.
 */
export interface CutOverPorts {
  readonly cloud: Cloud;
  readonly books: Pick<RestoreBooks, 'transaction' | 'sourceRecord' | 'openChanges' | 'ledger'>;
  readonly secrets: SecretBox;
  readonly applianceId: string;
  /** As `RemovalPorts` has it. */
  readonly looksForIntended?: readonly number[];
  /** Milliseconds between looks at a snapshot that is being filled; two seconds when left out. */
  readonly lookEveryMs?: number;
}

/** The machine that a restore replaces, as its plan has it. @throws PermanentError `PLAN_INCOMPLETE` */
export function replacedBy({ restore }: Pick<WorkContext, 'restore'>): ReplacedVm {
  const source = restore.plan?.source;
  if (source !== undefined) return source;
  throw new PermanentError({
    code: 'PLAN_INCOMPLETE',
    message: `The plan of restore ${restore.id} does not say which machine it replaces.`,
    fix: 'Plan the restore again; report this if it comes back.',
  });
}

export function sourceVmOf({ azureId, instanceId }: ReplacedVm): SourceVm {
  return { azureId, instanceId };
}

/** What is written down of the source. @throws PermanentError `SOURCE_UNRECORDED` */
export async function recordOf({ books }: Pick<CutOverPorts, 'books'>, restoreId: string): Promise<SourceRecord> {
  const record = await books.sourceRecord(restoreId);
  if (record !== null) return record;
  throw new PermanentError({
    code: 'SOURCE_UNRECORDED',
    message: `Nothing is written down of the machine that restore ${restoreId} replaces.`,
    fix: 'Look for its snapshots in the resource group that begins with "landfall-safety", and report this.',
  });
}

/** Its whole model, as it was found. */
export function modelOf({ secrets }: Pick<CutOverPorts, 'secrets'>, restoreId: string, record: SourceRecord): SavedVm {
  return JSON.parse(secrets.open(record.sealedModel, SEALING_CONTEXT.sourceModel(restoreId)).reveal()) as SavedVm;
}

/** The tag by which a source shows that a restore is about to replace it. */
export function claimOf(restoreId: string): Tags {
  return { [CLAIM_TAG]: restoreId };
}

/** Azure's number of the VM that we have made under this id, as the ledger has it; null: none, or it is not known. */
export function instanceOf(ledger: readonly LedgerEntry[], azureId: string): string | null {
  const entry = ledger.find((each) => each.kind === 'vm' && sameId(each.azureId, azureId));
  return entry === undefined || entry.purpose === 'source' || entry.state === 'removed' ? null : entry.instanceId;
}
