import { z } from 'zod';

/*
 * `machine.json`: what was known of a machine when it was backed up. `capture` writes it, as the last file of a
 * restore point; it may also lie beside disk images in a folder. It is untrusted: whoever can write to a repository
 * can write one.
 *
 * This module stands alone, so that a program that only writes manifests need not load the readers.
 */
export const MANIFEST_SCHEMA = 'landfall.machine/1';
export const MANIFEST_FILE = 'machine.json';
export const MANIFEST_LIMIT_BYTES = 1024 * 1024;

const POINT_TAG = 'landfall-point=';
const POINT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const DEEPEST = 64;
/** `capture` writes one tag a snapshot; each point that is named is searched for. */
const MOST_POINTS_OF_SNAPSHOT = 16;

const name = z.string().min(1).max(255);

/** A plain file name: the disk lies beside the manifest. */
const fileName = name.refine(
  (text) => !text.includes('/') && text !== '.' && text !== '..',
  'must be a plain file name',
);

const DISK = z.object({
  file: fileName,
  /** Left out: the file's name without its ending. */
  name: name.nullish(),
  role: z.enum(['os', 'data']).nullish(),
  lun: z.number().int().min(0).max(1023).nullish(),
  sizeBytes: z.number().int().nonnegative().nullish(),
  sku: z.string().max(64).nullish(),
  caching: z.enum(['None', 'ReadOnly', 'ReadWrite']).nullish(),
  /** Numbers of the partitions that were backed up, for level `volume`. */
  volumes: z.array(z.number().int().min(1).max(1024)).max(1024).nullish(),
});

export const MACHINE_MANIFEST = z.object({
  schema: z.literal(MANIFEST_SCHEMA),
  name,
  kind: z.enum(['image', 'computer']),
  level: z.enum(['computer', 'volume', 'file']).default('computer'),
  os: z.object({ family: z.enum(['linux', 'windows']), name: z.string().max(255).nullish() }).nullish(),
  firmware: z.enum(['bios', 'uefi']).nullish(),
  takenAt: z.iso.datetime({ offset: true }).nullish(),
  disks: z.array(DISK).max(1024),
  /** What lies on several disks whose images are not of one moment, such as `the volume group "data" (os, lun1)`. */
  notOneState: z.array(z.string().min(1).max(1024)).max(1024).nullish(),
  /** Of a backed-up Azure VM; kept as it is. */
  azure: z.record(z.string(), z.unknown()).nullish(),
});

/** What to write: fields with a default may be left out. */
export type MachineManifestInput = z.input<typeof MACHINE_MANIFEST>;
export type MachineManifest = z.output<typeof MACHINE_MANIFEST>;

export type ParsedManifest =
  { readonly ok: true; readonly manifest: MachineManifest } | { readonly ok: false; readonly why: string };

/** Reads a manifest's bytes; `why` completes "the manifest can't be used: …". */
export function parseManifest(bytes: Uint8Array): ParsedManifest {
  if (bytes.byteLength > MANIFEST_LIMIT_BYTES) {
    return { ok: false, why: `it has ${bytes.byteLength} bytes and at most ${MANIFEST_LIMIT_BYTES} are read` };
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { ok: false, why: 'it is not JSON' };
  }
  // Whoever walks or prints what is kept unparsed would run out of stack.
  if (isDeeper(value, DEEPEST)) return { ok: false, why: `it is nested more than ${DEEPEST} deep` };
  const parsed = MACHINE_MANIFEST.safeParse(value);
  if (parsed.success) return { ok: true, manifest: parsed.data };
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  return { ok: false, why: faults.slice(0, 3).join('; ') };
}

/**
 * The tags that a snapshot of restore point `id` carries, one `--tag` each.
 * @param id 1–128 letters, digits, `.`, `_`, `-`, beginning with a letter or digit
 * @throws RangeError for another id: restic splits tags at commas
 */
export function pointTags(id: string): string[] {
  if (!POINT_ID.test(id)) throw new RangeError(`${JSON.stringify(id)} is no id of a restore point.`);
  return [`${POINT_TAG}${id}`];
}

/** The ids of the restore points that a snapshot with these tags belongs to, the first few of them. */
export function pointsOfTags(tags: readonly string[]): string[] {
  const ids = tags.filter((tag) => tag.startsWith(POINT_TAG)).map((tag) => tag.slice(POINT_TAG.length));
  return [...new Set(ids)].filter((id) => POINT_ID.test(id)).slice(0, MOST_POINTS_OF_SNAPSHOT);
}

function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}
