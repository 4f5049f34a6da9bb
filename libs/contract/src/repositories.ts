import { isPassword, type RepositoryKind } from '@landfall/domain';
import { z } from 'zod';
import { COUNT, text, TIME } from './fields.js';

const KIND = z.enum(['restic', 'images', 'snapshots']) satisfies z.ZodType<RepositoryKind>;

/** Characters. */
export const LONGEST_PASSWORD = 4096;

const NIGHTLY = {
  name: 'nightly',
  kind: 'restic',
  url: 'azure://backups/nightly',
  hostedByProvider: false,
  addedAt: '2026-05-06T07:08:09.000Z',
  scannedAt: '2026-05-07T01:00:00.000Z',
  points: 12,
};

export const NEW_REPOSITORY = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9._-]{0,62}$/i,
        'must be 1–63 letters, digits, ".", "_" or "-", beginning with a letter or digit',
      ),
    kind: KIND,
    url: text(1000).describe("A folder's absolute path, or azure://ACCOUNT/CONTAINER/PREFIX; never with a credential."),
    password: z
      .string()
      .min(1)
      .max(LONGEST_PASSWORD)
      .refine((given) => given === '' || isPassword(given), 'must be whole Unicode text without NUL')
      .optional()
      .describe('A restic repository needs one. It is kept sealed.'),
    hostedByProvider: z
      .boolean()
      .default(false)
      .describe('Nothing is restored from one that a service provider hosts.'),
  })
  .meta({
    id: 'NewRepository',
    description: 'A repository to be added.',
    examples: [{ name: NIGHTLY.name, kind: NIGHTLY.kind, url: NIGHTLY.url, password: 'correct horse battery staple' }],
  });

export const REPOSITORY = z
  .object({
    name: z.string(),
    kind: KIND,
    url: z.string(),
    hostedByProvider: z.boolean(),
    addedAt: TIME,
    scannedAt: TIME.nullable(),
    points: COUNT,
  })
  .meta({ id: 'Repository', description: 'Where backups lie.', examples: [NIGHTLY] });

export const SCANNED_REPOSITORY = z
  .object({
    ...REPOSITORY.shape,
    format: z.string(),
    machines: COUNT,
    skipped: z
      .array(z.object({ reference: z.string(), why: z.string() }))
      .describe('Backups that cannot be read as restore points.'),
  })
  .meta({
    id: 'ScannedRepository',
    description: 'A repository, and what was found in it.',
    examples: [{ ...NIGHTLY, format: 'restic, format version 2', machines: 3, skipped: [] }],
  });

export type RepositoryView = z.infer<typeof REPOSITORY>;
export type ScannedRepositoryView = z.infer<typeof SCANNED_REPOSITORY>;
