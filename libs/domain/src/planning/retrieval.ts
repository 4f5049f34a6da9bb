import type { PlannedRetrieval, RetrievalFee } from '../plan.js';
import type { ArchivePrices, PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';

/*
 * What has to be brought back from the archive tier before anything can be read. It is copied, because a blob that only changes
 * its tier may be archived again at any time by a rule of its owner's; what it is copied from stays where it is.
 */

/** At most, as Azure promises it: within 15 hours, or within one for blobs below 10 GB (Azure Storage, "Blob rehydration"). */
const HOURS = { standard: 15, high: 1 } as const;
const DEFAULT_KEEP_HOURS = 72;
const GIB = 1024 ** 3;

/** Null: all that is needed can be read. */
export function decideRetrieval(
  { archive, request, point }: PlanningFacts,
  problems: FoundProblems,
): PlannedRetrieval | null {
  if (archive === null || archive.files.length === 0) return null;
  const { archivePriority: priority, archiveKeepHours: keepHours = DEFAULT_KEEP_HOURS } = request;
  const objects = archive.files.length;
  const bytes = archive.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const hours = HOURS[priority];
  problems.warning(
    'POINT_ARCHIVED',
    `${objects} file(s) of the repository "${point.repositoryName}" that this restore reads (${told(bytes)}) lie in the archive tier: they are copied out of it first, which takes up to ${hours} hour(s).`,
    priority === 'high'
      ? 'Nothing has to be done.'
      : 'Nothing has to be done; --archive-priority high takes up to an hour, and costs more.',
  );
  return { objects, bytes, priority, hours, keepHours };
}

/** What is copied is kept from the end of the restore on, and for as long as the restore runs; this is about its next use. */
export function checkRetrieval(
  retrieval: PlannedRetrieval | null,
  transferSeconds: number,
  problems: FoundProblems,
): void {
  if (retrieval === null || retrieval.keepHours * 3_600 >= transferSeconds) return;
  problems.warning(
    'RETRIEVAL_EXPIRES',
    `What is brought back from the archive tier is kept for ${retrieval.keepHours} hour(s) (--archive-keep), and the disks are expected to be written in ${Math.ceil(transferSeconds / 3_600)}.`,
    'Give a longer --archive-keep: should the restore have to be made anew, the same is brought back and paid for once more.',
  );
}

/** Null: nobody has said what it costs. */
export function feeOf(
  { objects, bytes, priority }: PlannedRetrieval,
  prices: ArchivePrices | null,
): RetrievalFee | null {
  if (prices === null) return null;
  const { readsPer10000, perGib } = prices[priority];
  const operations = (objects / 10_000) * (readsPer10000 + prices.writesPer10000);
  return {
    amount: Math.round((operations + (bytes / GIB) * perGib) * 100) / 100,
    currency: prices.currency,
    asOf: prices.asOf,
  };
}

function told(bytes: number): string {
  return bytes < GIB / 10 ? `${Math.ceil(bytes / 1024 ** 2)} MiB` : `${(bytes / GIB).toFixed(1)} GiB`;
}
