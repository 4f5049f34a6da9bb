import { LONGEST_BOOT_PATTERN, type RestoreRequest } from '@landfall/domain';
import { z } from 'zod';
import { text } from './fields.js';

export const DESTINATION_KIND = z.enum(['new', 'original']);
export const TRANSFER = z.enum(['worker', 'direct']);
export const VERIFY = z.enum(['none', 'sampled', 'full']);
export const BOOT_CHECK = z.enum(['none', 'running', 'serial']);

export const BOOT_PATTERN = text(LONGEST_BOOT_PATTERN);

/** A minute to a week. */
export const MAX_STOP_SECONDS = z
  .int()
  .min(60)
  .max(7 * 86_400);
export const WAIT_DAYS = z.int().min(1).max(30);

export const DESTINATION_REQUEST = z.strictObject({
  kind: DESTINATION_KIND,
  name: text(256).optional().describe('Of the new VM.'),
  resourceGroup: text(256).optional(),
  region: text(64).optional().describe('Such as westeurope.'),
  zone: text(16).optional(),
  size: text(64).optional().describe('Of the VM, such as Standard_D2s_v5.'),
  subnetId: text(1024).optional().describe("The subnet's full Azure ID."),
  privateIp: text(64).optional().describe('A static address in the subnet.'),
  diskSku: text(64).optional().describe('Such as StandardSSD_LRS or Premium_LRS.'),
});

/**
 * The body of POST /v1/restore-plans and /v1/restores, and what the API hands on to the planner. Only its shape is checked
 * here: whether a name, an address or a size is right is the planner's to say, as a problem of the plan with its remedy.
 */
export const RESTORE_REQUEST = z
  .strictObject({
    restorePointId: text(300).describe('Its id, its reference, or the beginning of either: at least six characters.'),
    destination: DESTINATION_REQUEST.describe('What is left out is decided by the planner.'),
    generation: z
      .union([z.literal('auto'), z.literal(1), z.literal(2)])
      .default('auto')
      .describe('Of the VM: 1 boots by BIOS, 2 by UEFI.'),
    disksOnly: z.boolean().default(false).describe('Make the disks and no VM.'),
    excludeDisks: z.array(text(256)).max(64).default([]).describe('Names of disks of the point that are left out.'),
    transfer: TRANSFER.default('worker').describe(
      'On a worker VM that the disks are attached to, or page by page through their SAS.',
    ),
    verify: VERIFY.default('sampled').describe('How much of what was written is read back and compared.'),
    archivePriority: z
      .enum(['standard', 'high'])
      .default('standard')
      .describe('Of what is brought back from the archive tier: within 15 hours, or within one and for more money.'),
    archiveKeepHours: z
      .number()
      .int()
      .min(1)
      .max(24 * 60)
      .optional()
      .describe('For how long what was brought back from the archive tier is kept after the end. Left out: 72.'),
    powerOn: z.boolean().default(true).describe('False leaves the restored VM deallocated.'),
    isolated: z
      .boolean()
      .default(false)
      .describe(
        'In a network of its own, which leads nowhere and stays with the machine. At the original place copies always are.',
      ),
    bootCheck: BOOT_CHECK.optional().describe(
      'What proves that it boots, within 15 minutes: that Azure says it runs, or what its serial console shows. At the original place copies of its disks are booted, before the machine there is stopped. Left out: none, and running at the original place.',
    ),
    bootPattern: BOOT_PATTERN.optional().describe(
      'With bootCheck serial: the text that the serial console has to show, as it is. Left out: a prompt to sign in at.',
    ),
    maxStopSeconds: MAX_STOP_SECONDS.optional().describe(
      'Of the original place alone: how long the machine that is replaced may stand still before anything of it is removed. Left out: four hours.',
    ),
    waitDays: WAIT_DAYS.optional().describe(
      'Of the original place alone: for how many days an approval is waited for. Left out: seven.',
    ),
    reason: text(1000).optional().describe('Kept with the restore, for those who ask later.'),
  })
  .meta({
    id: 'RestoreRequest',
    description: 'What is to be restored, where to and how.',
    examples: [
      {
        restorePointId: 'rp-0123456789',
        destination: { kind: 'new', name: 'web-2', resourceGroup: 'restored', region: 'westeurope' },
      },
    ],
  }) satisfies z.ZodType<RestoreRequest>;

/** As a client sends it: what it leaves out is filled in. */
export type RestoreOrder = z.input<typeof RESTORE_REQUEST>;
