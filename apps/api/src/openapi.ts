import { applyDecorators, HttpStatus } from '@nestjs/common';
import { ApiDefaultResponse, ApiResponse } from '@nestjs/swagger';
import {
  CLOUD_RESOURCE_KINDS,
  PROBLEM_CODES,
  RESTORE_TRANSITIONS,
  type RestoreState,
  STEP_TRANSITIONS,
  type StepState,
} from '@landfall/domain';
import { z } from 'zod';

/*
 * What the answers look like on the wire, for /docs; the tests hold every answer against these schemas.
 * Times are ISO 8601 in UTC, sizes are bytes.
 */
const time = z.iso.datetime();
const size = z.number().int().nonnegative();

export const PLAN_PROBLEM = z.strictObject({
  severity: z.enum(['error', 'warning']),
  code: z.enum(PROBLEM_CODES),
  message: z.string(),
  fix: z.string(),
});

const ERROR = z.strictObject({ code: z.string(), message: z.string(), fix: z.string() });

export const PROBLEM_ANSWER = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  fix: z.string(),
  instance: z.string(),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
});

export const REPOSITORY_ANSWER = z.strictObject({
  name: z.string(),
  kind: z.enum(['restic', 'images', 'snapshots']),
  url: z.string(),
  hostedByProvider: z.boolean(),
  addedAt: time,
  scannedAt: time.nullable(),
  points: size,
});

export const SCANNED_REPOSITORY_ANSWER = REPOSITORY_ANSWER.extend({
  format: z.string(),
  machines: size,
  skipped: z.array(z.strictObject({ reference: z.string(), why: z.string() })),
});

export const MACHINE_ANSWER = z.strictObject({
  id: z.string(),
  name: z.string(),
  aliases: z.array(z.string()),
  repositoryName: z.string(),
  points: size,
  latestPointAt: time.nullable(),
});

export const POINT_ANSWER = z.strictObject({
  id: z.string(),
  machine: z.string(),
  machineId: z.string(),
  repository: z.string(),
  reference: z.string(),
  takenAt: time,
  kind: z.enum(['image', 'snapshot', 'computer']),
  level: z.enum(['computer', 'volume', 'file']),
  os: z.strictObject({ family: z.enum(['linux', 'windows']), name: z.string().optional() }).nullable(),
  firmware: z.enum(['bios', 'uefi']).nullable(),
  hasManifest: z.boolean(),
  disks: z.array(
    z.strictObject({ name: z.string(), role: z.enum(['os', 'data']), lun: size.nullable(), sizeBytes: size }),
  ),
  restorable: z.boolean(),
  problems: z.array(PLAN_PROBLEM),
});

export const RESTORE_ANSWER = z.strictObject({
  id: z.string(),
  state: z.enum(Object.keys(RESTORE_TRANSITIONS) as [RestoreState, ...RestoreState[]]),
  restorePoint: z.looseObject({ id: z.string() }),
  destination: z.looseObject({ kind: z.enum(['new', 'original']) }),
  planHash: z.string().nullable(),
  steps: z.array(
    z.strictObject({
      number: size,
      id: z.string(),
      state: z.enum(Object.keys(STEP_TRANSITIONS) as [StepState, ...StepState[]]),
      startedAt: time.nullable(),
      endedAt: time.nullable(),
      attempts: size,
    }),
  ),
  disks: z.array(
    z.strictObject({
      name: z.string(),
      from: z.string(),
      role: z.enum(['os', 'data']),
      lun: size.nullable(),
      azureId: z.string().nullable(),
      sizeBytes: size,
      bytesTotal: size,
      bytesDone: size,
    }),
  ),
  vm: z.strictObject({ azureId: z.string() }).nullable(),
  problems: z.array(PLAN_PROBLEM),
  error: ERROR.nullable(),
  requestedBy: z.string(),
  createdAt: time,
  endedAt: time.nullable(),
});

/** The plan of libs/domain; its parts are described there. */
export const PLAN_ANSWER = z.looseObject({
  steps: z.array(z.looseObject({ number: size, id: z.string(), applies: z.boolean(), why: z.string() })),
  disks: z.array(z.looseObject({ name: z.string(), from: z.string(), sizeBytes: size })),
  problems: z.array(PLAN_PROBLEM),
  planHash: z.string(),
});

export const EVENT_ANSWER = z.strictObject({
  sequence: z.number().int(),
  restoreId: z.string(),
  at: time,
  type: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
});

export const RESOURCE_ANSWER = z.strictObject({
  azureId: z.string(),
  kind: z.enum(CLOUD_RESOURCE_KINDS),
  role: z.string(),
  state: z.enum(['intended', 'created', 'removed']),
  createdAt: time,
});

export const WORKER_ANSWER = z.strictObject({
  id: z.string(),
  restoreId: z.string(),
  azureId: z.string(),
  disks: z.array(z.string()),
  state: z.enum(['launching', 'ready', 'retired']),
  movers: z.array(
    z.strictObject({ name: z.string(), pid: z.number().int(), seenAt: time, silentMs: z.number().nonnegative() }),
  ),
});

export const AUDIT_ANSWER = z.strictObject({
  entries: z.array(
    z.strictObject({
      sequence: z.number().int(),
      at: time,
      actor: z.string(),
      action: z.string(),
      subject: z.string(),
      details: z.record(z.string(), z.unknown()),
      hash: z.string(),
    }),
  ),
  chainVerified: z.boolean(),
  brokenAt: z.number().int().nullable(),
});

/** Documents a route's answer, and that whatever goes wrong comes as a problem. */
export function Answers(schema: z.ZodType, description: string, status: HttpStatus = HttpStatus.OK) {
  return applyDecorators(ApiResponse({ status, description, standardSchema: schema }), Problems());
}

export function Problems() {
  return applyDecorators(
    ApiDefaultResponse({
      description: 'A problem (application/problem+json): a stable code, what happened, and what to do.',
      standardSchema: PROBLEM_ANSWER,
    }),
  );
}
