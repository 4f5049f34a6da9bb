import { createHash } from 'node:crypto';
import { canonicalJson, type RestoreRequest } from '@landfall/domain';
import { z } from 'zod';
import { text } from '../http/text.js';

const DESTINATION = z.strictObject({
  kind: z.enum(['new', 'original']),
  name: text(256).optional(),
  resourceGroup: text(256).optional(),
  region: text(64).optional(),
  zone: text(16).optional(),
  size: text(64).optional(),
  subnetId: text(1024).optional(),
  privateIp: text(64).optional(),
  diskSku: text(64).optional(),
});

/**
 * The body of POST /v1/restore-plans and /v1/restores. Only its shape is checked here: whether a name, an address or a
 * size is right is the planner's to say, as a problem of the plan with its remedy.
 */
export const RESTORE_REQUEST = z.strictObject({
  restorePointId: text(300),
  destination: DESTINATION,
  generation: z.union([z.literal('auto'), z.literal(1), z.literal(2)]).default('auto'),
  disksOnly: z.boolean().default(false),
  excludeDisks: z.array(text(256)).max(64).default([]),
  transfer: z.enum(['worker', 'direct']).default('worker'),
  verify: z.enum(['none', 'sampled', 'full']).default('sampled'),
  archivePriority: z.enum(['standard', 'high']).default('standard'),
  powerOn: z.boolean().default(true),
  isolated: z.boolean().default(false),
  bootCheck: z.enum(['none', 'running', 'serial']).default('none'),
  reason: text(1000).optional(),
}) satisfies z.ZodType<RestoreRequest>;

/** SHA-256 in hexadecimal; the same for two bodies that mean the same, whatever the order of their fields. */
export function fingerprintOf(request: RestoreRequest): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}
