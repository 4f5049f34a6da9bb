import { z } from 'zod';
import { TIME } from './fields.js';
import { USER_ROLES } from './operations.js';

/** Days; ten years. */
export const LONGEST_TOKEN_DAYS = 3_650;

const BOB = {
  name: 'bob',
  role: 'operator',
  createdAt: '2026-05-06T07:08:09.000Z',
  createdBy: 'administrator',
  expiresAt: '2026-08-04T07:08:09.000Z',
  revokedAt: null,
} as const;

export const TOKEN = z
  .object({
    name: z.string().describe("Stands in the audit log. One person's, also after it is revoked."),
    role: z.enum([...USER_ROLES, 'mover']),
    createdAt: TIME,
    createdBy: z.string().nullable().describe('The token by which it was made; null: one from the settings.'),
    expiresAt: TIME.nullable().describe('Null: it does not expire.'),
    revokedAt: TIME.nullable().describe('Null: it was not revoked.'),
  })
  .meta({ id: 'Token', description: 'A token, without its text.', examples: [BOB] });

export const NEW_TOKEN = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9._@-]{0,62}$/i,
        'must be 1–63 letters, digits, ".", "_", "-" or "@", beginning with a letter or digit',
      ),
    role: z.enum(USER_ROLES),
    days: z
      .int()
      .min(1)
      .max(LONGEST_TOKEN_DAYS)
      .optional()
      .describe('For how long it is good; left out: until it is revoked.'),
  })
  .meta({
    id: 'NewToken',
    description: 'A token for somebody.',
    examples: [{ name: 'bob', role: 'operator', days: 90 }],
  });

export const MADE_TOKEN = TOKEN.extend({
  token: z.string().describe('Its text, told this once and never again.'),
}).meta({
  id: 'MadeToken',
  description: 'A token that was just made.',
  examples: [{ ...BOB, token: 'lft_3l8Z0QmYJtEx1vWc7b2sUuHkPq9aRfNd5oXgTiVyKEM' }],
});

export const APPROVAL = z
  .strictObject({
    planHash: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 digits')
      .describe('Of the plan that was read.'),
  })
  .meta({ id: 'Approval', description: 'What is approved.', examples: [{ planHash: `sha256:${'0f'.repeat(32)}` }] });

export type TokenView = z.infer<typeof TOKEN>;
export type MadeTokenView = z.infer<typeof MADE_TOKEN>;
