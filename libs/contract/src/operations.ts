import { z } from 'zod';
import { TIME, text, wholeNumber } from './fields.js';
import { RESOURCE_KIND, RESTORE_STATE } from './restores.js';

export const WORKER = z
  .object({
    id: z.string(),
    restoreId: z.string(),
    azureId: z.string(),
    disks: z.array(z.string()).describe("Names of the plan's disks; the position is the LUN."),
    state: z.enum(['launching', 'ready', 'retired']),
    movers: z.array(
      z.object({
        name: z.string(),
        pid: z.number().int(),
        seenAt: TIME,
        silentMs: z.number().nonnegative().describe("Since then, by the database's clock."),
      }),
    ),
  })
  .meta({
    id: 'Worker',
    description: 'A VM that a restore launched, with the data-movers that were seen on it.',
    examples: [
      {
        id: 'w-7c1d',
        restoreId: 'r4m7k2p9x1qz',
        azureId:
          '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/restored/providers/Microsoft.Compute/virtualMachines/lf-worker',
        disks: ['sda'],
        state: 'ready',
        movers: [{ name: 'w-7c1d-0', pid: 812, seenAt: '2026-05-07T08:01:00.000Z', silentMs: 640 }],
      },
    ],
  });

export const AUDIT_LOG = z
  .object({
    entries: z.array(
      z.object({
        sequence: z.number().int(),
        at: TIME,
        actor: z.string(),
        action: z.string().describe('Such as restore.cancel.'),
        subject: z.string().describe("What it was done to, such as a restore's id."),
        details: z.record(z.string(), z.unknown()),
        hash: z.string().describe('SHA-256 over this entry and the hash of the one before, in hexadecimal.'),
      }),
    ),
    chainVerified: z.boolean().describe('Whether every entry still fits the one before it.'),
    brokenAt: z.number().int().nullable().describe('The sequence of the first entry that does not.'),
  })
  .meta({
    id: 'AuditLog',
    description: 'Who did what.',
    examples: [
      {
        entries: [
          {
            sequence: 1,
            at: '2026-05-07T08:00:00.000Z',
            actor: 'administrator',
            action: 'restore.request',
            subject: 'r4m7k2p9x1qz',
            details: { point: 'rp-0123456789', reason: null },
            hash: 'c3'.repeat(32),
          },
        ],
        chainVerified: true,
        brokenAt: null,
      },
    ],
  });

export const AUDIT_QUERY = z.strictObject({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0).describe('Entries after this sequence number.'),
  limit: wholeNumber(1, 10_000, 1_000),
});

const LEFT_BEHIND =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/restored/providers/Microsoft.Compute/disks/web-2-sda';

/**
 *   left-behind    in the ledger of an ended restore that it should not have outlived, there, with our tags: removable
 *   never-created  in such a ledger, and not there: only its entry has to be settled
 *   not-ours       in such a ledger, there, without the tags that it should carry: somebody else's by now, left alone
 *   unknown        carries this appliance's tag, and no ledger knows it: reported, never removed
 */
export const ORPHAN = z
  .object({
    azureId: z.string(),
    finding: z.enum(['left-behind', 'never-created', 'not-ours', 'unknown']),
    removable: z.boolean(),
    kind: RESOURCE_KIND.nullable(),
    role: z.string().nullable(),
    restoreId: z.string().nullable(),
    restoreState: RESTORE_STATE.nullable(),
    why: z.string().describe('One sentence.'),
  })
  .meta({
    id: 'Orphan',
    description: 'What does not fit between the ledgers and Azure.',
    examples: [
      {
        azureId: LEFT_BEHIND,
        finding: 'left-behind',
        removable: true,
        kind: 'disk',
        role: 'disk',
        restoreId: 'r4m7k2p9x1qz',
        restoreState: 'failed',
        why: 'The restore has failed and should have left nothing.',
      },
    ],
  });

export const ORPHANS_REMOVAL = z
  .strictObject({
    azureIds: z.array(text(500)).max(1_000).optional().describe('Only of these; left out: all that are removable.'),
    dryRun: z.boolean().default(true).describe('Only says what would be removed.'),
  })
  .meta({ id: 'OrphansRemoval', description: 'Which orphans to remove.', examples: [{ dryRun: false }] });

export const REMOVED_ORPHANS = z
  .object({
    dryRun: z.boolean(),
    wouldRemove: z.array(z.string()),
    removed: z.array(z.string()).describe('Gone now, its ledger entry settled.'),
    kept: z.array(z.object({ azureId: z.string(), code: z.string(), message: z.string(), fix: z.string() })),
  })
  .meta({
    id: 'RemovedOrphans',
    description: 'What was removed, or would be.',
    examples: [{ dryRun: false, wouldRemove: [], removed: [LEFT_BEHIND], kept: [] }],
  });

export const LIVENESS = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Liveness', description: 'The process answers.', examples: [{ status: 'ok' }] });

export const READINESS = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    checks: z.record(z.string(), z.string()).describe('By what is checked: `ok`, or the code of what is wrong.'),
  })
  .meta({
    id: 'Readiness',
    description: 'Whether it can do its work.',
    examples: [{ status: 'ok', checks: { postgres: 'ok', redis: 'ok', 'worker-redis': 'ok' } }],
  });

/** Who may do what: each of these may also do what the ones before it may. */
export const USER_ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

export const SIGN_IN = z
  .strictObject({
    token: text(500),
    next: z.string().max(2000).optional().describe('Where a browser goes afterwards: a path of this site.'),
  })
  .meta({ id: 'SignIn', description: "A browser's sign-in.", examples: [{ token: 'the token of stack.json' }] });

export const SESSION = z.object({ name: z.string().describe("The token's."), role: z.enum(USER_ROLES) }).meta({
  id: 'Session',
  description: 'Whoever is signed in.',
  examples: [{ name: 'administrator', role: 'admin' }],
});

export type OrphanView = z.infer<typeof ORPHAN>;
export type RemovedOrphansView = z.infer<typeof REMOVED_ORPHANS>;
