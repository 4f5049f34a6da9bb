import type { ByteRange, ErrorDetails, ErrorFacts } from '@landfall/domain';
import { z } from 'zod';

/*
 * Everything that a data-mover can say of what went wrong, in the words in which people get to read it. A data-mover runs
 * where others may have come in: it names a code of this list and a few bounded facts, and nothing else of its text goes
 * any further. What follows from a code is decided here, too, and not by whoever reports it.
 *
 *   verdict     about the disk, for good: counts whoever reports it late, and ends the restore
 *   permanent   about the backup or the set-up: a repetition finds the same
 *   retryable   may pass by itself
 */
export type FailureKind = 'verdict' | 'permanent' | 'retryable';

interface Failure {
  readonly kind: FailureKind;
  /** What happened, to what; `disk` is its name in quotes. */
  readonly message: (disk: string, facts: FailureFacts) => string;
  readonly fix: string;
}

/** Names and numbers, each of a shape that can hold no sentence. */
export const FAILURE_FACTS = z.strictObject({
  /** The operating system's or the storage's own code, such as `EIO` or `AuthorizationFailure`. */
  system: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/)
    .optional(),
  /** Of HTTP. */
  status: z.number().int().min(100).max(599).optional(),
  /** Of the disk, in bytes. */
  offset: z.number().int().nonnegative().optional(),
  /** From there on. */
  length: z.number().int().positive().optional(),
  /** SHA-256 in hexadecimal. */
  pack: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  blob: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Of the repository. */
  file: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/)
    .optional(),
});

export type FailureFacts = z.infer<typeof FAILURE_FACTS>;

const REPAIR =
  'Run `restic check` on the repository and repair it, use an intact copy of it, or restore another point.';
/** Disk and worker are removed by the time that anybody reads it, unless they were handed over before. */
const ANOTHER_DISK =
  'Start the restore anew: it gets disks and workers of its own. If it fails again, look at the health of storage in the region in Azure, or restore to another zone or region. Do not use this disk where it is still there.';
const ANEW = 'Start the restore anew; report this with the log of the data-mover if it comes again.';

const FAILURES = {
  TARGET_FLUSH_FAILED: {
    kind: 'verdict',
    message: (disk, facts) => `The disk ${disk} did not take what was written to it${because(facts)}.`,
    fix: ANOTHER_DISK,
  },
  TARGET_FAILED: {
    kind: 'verdict',
    message: (disk, facts) => `The disk ${disk} could not be written or read back${because(facts)}.`,
    fix: ANOTHER_DISK,
  },
  TARGET_FULL: {
    kind: 'verdict',
    message: (disk, facts) => `There is no space left for the disk ${disk}${because(facts)}.`,
    fix: 'Make room where the disk lies, then start the restore anew. Do not use this disk where it is still there: it holds only a part of the backup.',
  },
  VERIFY_MISMATCH: {
    kind: 'verdict',
    message: (disk, { offset }) =>
      `What was read back from the disk ${disk} differs from the backup${offset === undefined ? '' : ` at byte ${offset}`}.`,
    fix: 'Do not use this disk: it does not hold what was written. Start the restore anew: it gets disks and workers of its own.',
  },
  TARGET_TOO_SMALL: {
    kind: 'permanent',
    message: (disk) => `The disk ${disk} is smaller than what is to be written to it.`,
    fix: 'See whether the right disk is attached, and whether somebody has changed it; start the restore anew.',
  },
  TARGET_MISALIGNED: {
    kind: 'permanent',
    message: (disk) => `The disk ${disk} was to be written at a place where it takes no write.`,
    fix: ANEW,
  },
  BLOB_CORRUPT: {
    kind: 'permanent',
    message: (disk, { blob, pack, ...place }) =>
      `${bytesOf(disk, place)} damaged in the backup (blob${after(blob)} in pack${after(pack)}), and there is no other copy.`,
    fix: REPAIR,
  },
  PACK_MISSING: {
    kind: 'permanent',
    message: (disk, { pack, ...place }) =>
      `${bytesOf(disk, place)} not in the repository any more: pack${after(pack)} is missing, and there is no other copy.`,
    fix: 'Fetch the pack from another copy of the repository, or restore another point; `restic check` tells what else is missing.',
  },
  REPOSITORY_DAMAGED: {
    kind: 'permanent',
    message: (disk, { file, blob }) =>
      `The repository is damaged${file === undefined && blob === undefined ? '' : ` (${file ?? `blob ${blob ?? ''}`})`}; the disk ${disk} can't be restored from it.`,
    fix: REPAIR,
  },
  REPOSITORY_LIMIT: {
    kind: 'permanent',
    message: (disk, facts) => `${fileOf(facts)} is larger than is read; the disk ${disk} needs it.`,
    fix: 'If the repository is genuine, it holds more than this version can read; check it with `restic check`.',
  },
  REPOSITORY_NOT_FOUND: {
    kind: 'permanent',
    message: (disk) => `The repository of the disk ${disk} is not where it was: there is no file named config.`,
    fix: 'See that the folder or container is there and is reached by the workers, then start the restore anew.',
  },
  REPOSITORY_PASSWORD_WRONG: {
    kind: 'permanent',
    message: (disk) => `The repository of the disk ${disk} does not open with the password that Landfall has.`,
    fix: 'Add the repository again with the password of one of its keys, and start the restore anew.',
  },
  REPOSITORY_VERSION: {
    kind: 'permanent',
    message: (disk) => `The repository of the disk ${disk} has a format that this version does not read.`,
    fix: 'Use a version of Landfall that knows this format, or copy the snapshots into a version 2 repository with `restic copy`.',
  },
  REPOSITORY_KIND_UNAVAILABLE: {
    kind: 'permanent',
    message: (disk) => `The repository of the disk ${disk} is of a kind that this data-mover can't read.`,
    fix: 'Run all parts of Landfall in the same version.',
  },
  IMAGE_NOT_FOUND: {
    kind: 'permanent',
    message: (disk) => `The image of the disk ${disk} is no longer in the repository.`,
    fix: 'Its snapshot was removed: scan the repository again, and restore another point.',
  },
  FILE_NOT_FOUND: {
    kind: 'permanent',
    message: (disk, facts) => `${fileOf(facts)}, which the disk ${disk} needs, is not there.`,
    fix: 'Check that the whole repository is there, and that no other program is removing from it.',
  },
  FILE_TRUNCATED: {
    kind: 'permanent',
    message: (disk, facts) => `${fileOf(facts)}, which the disk ${disk} needs, is cut off.`,
    fix: 'Fetch the file again from another copy of the repository.',
  },
  FILE_ARCHIVED: {
    kind: 'permanent',
    message: (disk, facts) => `${fileOf(facts)}, which the disk ${disk} needs, lies in the archive tier.`,
    fix: 'Bring it back to an online tier (rehydrate it) and start the restore anew.',
  },
  STORE_NOT_FOUND: {
    kind: 'permanent',
    message: (disk) => `The place of the repository of the disk ${disk} does not exist.`,
    fix: 'Check its path, or the names of account and container, and that a share is mounted where data-movers run.',
  },
  STORE_DENIED: {
    kind: 'permanent',
    message: (disk, facts) => `The repository of the disk ${disk} may not be read${because(facts)}.`,
    fix: 'Let the account of the data-movers read all of the repository; for blobs check the account’s key and the role Storage Blob Data Reader.',
  },
  STORE_REFUSED: {
    kind: 'permanent',
    message: (disk, facts) => `The storage of the repository of the disk ${disk} refused a request${because(facts)}.`,
    fix: 'Look the code up in the documentation of Azure Blob Storage.',
  },
  FLOCK_MISSING: {
    kind: 'permanent',
    message: () => 'The program flock could not be run, by which data-movers see that another one is gone.',
    fix: 'Install util-linux in the image of the workers.',
  },
  MOVER_FAILED: {
    kind: 'permanent',
    message: (disk) => `The data-mover can't go on with the disk ${disk}; its log says why.`,
    fix: ANEW,
  },
  STORE_UNREACHABLE: {
    kind: 'retryable',
    message: (disk, facts) => `The repository of the disk ${disk} could not be read just now${because(facts)}.`,
    fix: 'Check the disk, the share or the network that the repository is reached by.',
  },
  TARGET_MISSING: {
    kind: 'retryable',
    message: (disk) => `The disk ${disk} is not there on the worker.`,
    fix: 'See whether it is attached to the worker at its LUN.',
  },
  TARGET_NOT_OPENED: {
    kind: 'retryable',
    message: (disk, facts) => `The disk ${disk} could not be opened just now${because(facts)}.`,
    fix: 'See how many files the data-movers may have open, and how much memory the worker has left.',
  },
  TARGET_DENIED: {
    kind: 'retryable',
    message: (disk, facts) => `The access to the disk ${disk} was refused${because(facts)}.`,
    fix: 'Look whether somebody revoked the access to the disk; resume the restore, which grants it anew.',
  },
  TARGET_UNREACHABLE: {
    kind: 'retryable',
    message: (disk, facts) => `The disk ${disk} could not be reached${because(facts)}.`,
    fix: 'Check the network between the data-movers and Azure’s storage.',
  },
  DECODER_LOST: {
    kind: 'retryable',
    message: () => 'A thread of the data-mover that decodes the repository’s data has died.',
    fix: 'Give the data-movers more memory if this comes again.',
  },
  WRITER_NOT_GONE: {
    kind: 'retryable',
    message: (disk) =>
      `A data-mover could not be ended, so nobody may go on with what it was writing to the disk ${disk}.`,
    fix: 'Look on the worker whether its disk hangs, and whether all data-movers run as one user; restart the worker if so.',
  },
  UNEXPECTED: {
    kind: 'retryable',
    message: (disk) => `The data-mover met with something unexpected at the disk ${disk}; its log says what.`,
    fix: 'Look into the log of the data-mover for its cause; resume the restore once it is removed.',
  },
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];

export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(FAILURES, code);
}

export function failureKind(code: FailureCode): FailureKind {
  return FAILURES[code].kind;
}

export function describeFailure(code: FailureCode, diskName: string, facts: FailureFacts): ErrorDetails {
  const { message, fix }: Failure = FAILURES[code];
  return { code, message: message(`"${diskName}"`, facts), fix };
}

/** The part of the disk that a failure is about; none where it does not say. */
export function rangeOf({ offset, length }: FailureFacts): ByteRange | undefined {
  return offset === undefined || length === undefined ? undefined : { offset, length };
}

/** Those of an error's facts that may travel; what does not fit is left out. */
export function reportableFacts(facts: ErrorFacts): FailureFacts {
  const entries = Object.entries(facts).filter(([name, value]) => FAILURE_FACTS.safeParse({ [name]: value }).success);
  return FAILURE_FACTS.parse(Object.fromEntries(entries));
}

/** Why a segment was given back without anything being wrong with it. */
export const GIVEN_BACK = {
  LOCK_LOST: {
    code: 'LOCK_LOST',
    message: 'the data-mover lost its lock on the job.',
    fix: 'Nothing has to be done: it is taken up again.',
  },
  MOVER_STOPPED: {
    code: 'MOVER_STOPPED',
    message: 'the data-mover was told to stop.',
    fix: 'Nothing has to be done: another one takes it up.',
  },
} as const satisfies Record<string, ErrorDetails>;

export type GivenBackCode = keyof typeof GIVEN_BACK;
export const GIVEN_BACK_CODES = Object.keys(GIVEN_BACK) as [GivenBackCode, ...GivenBackCode[]];

/** What a finished segment may be told with. */
export const WARNINGS = {
  COPY_PASSED_OVER: 'A copy of a part of the backup was damaged or missing; another copy was used.',
  READ_BACK_CACHED: 'It was read back through the page cache, because the disk can’t be read past it.',
} as const satisfies Record<string, string>;

export type WarningCode = keyof typeof WARNINGS;
export const WARNING_CODES = Object.keys(WARNINGS) as [WarningCode, ...WarningCode[]];

function because({ system, status }: FailureFacts): string {
  const known = [status === undefined ? null : `status ${status}`, system ?? null].filter((each) => each !== null);
  return known.length === 0 ? '' : ` (${known.join(', ')})`;
}

/** Which part of the disk; without a place, that some of it is. */
function bytesOf(disk: string, { offset, length }: FailureFacts): string {
  if (offset === undefined || length === undefined) return `A part of the disk ${disk} is`;
  return `Bytes ${offset} to ${offset + length} of the disk ${disk} are`;
}

function after(name: string | undefined): string {
  return name === undefined ? '' : ` ${name}`;
}

function fileOf({ file }: FailureFacts): string {
  return file === undefined ? 'A file of the repository' : `The repository’s file ${file}`;
}
