import { z } from 'zod';

/*
 * What can go wrong with the emulated Azure on demand.
 *
 * A fault waits for something that it fits: a request, a long-running operation that begins, or, with a few kinds, one
 * certain moment of an operation. It strikes the first time (the default), the first N times, the Nth time only, or
 * always. What it needs to go on after a restart is kept with its record or with the operation that it has struck.
 */
export const FAULT_KINDS = [
  'throttle',
  'error',
  'timeout',
  'reset-before',
  'reset-after',
  'fail-late',
  'cancel',
  'not-found-after-create',
  'allocation-failed',
  'quota',
  'partial-move',
  'move-times-out',
  'copy-fails',
  'stuck-detach',
  'stale-disk-state',
  'nic-reserved',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Kinds that strike a request, before or after it is carried out. */
export const REQUEST_KINDS: readonly FaultKind[] = [
  'throttle',
  'error',
  'timeout',
  'reset-before',
  'reset-after',
  'not-found-after-create',
  'quota',
];

export const FAULT = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  /**
   * Which operation, `*` standing for anything: a request by its name in Azure's specifications, such as
   * `Disks_CreateOrUpdate`, or the same as `disks.create`, or a kind of long-running operation.
   */
  operation: z.string().min(1).max(200).default('*'),
  /** Which resource, `*` standing for anything: its whole id, or, without a slash, its name. */
  resource: z.string().min(1).max(1_000).default('*'),
  /** Only machines of this size. */
  size: z.string().min(1).nullable().default(null),
  /** Only what is in this zone. */
  zone: z.string().min(1).nullable().default(null),
  /** The first time, the first N times, or the Nth time only. */
  when: z
    .union([
      z.literal('always'),
      z.strictObject({ times: z.number().int().min(1) }),
      z.strictObject({ nth: z.number().int().min(1) }),
    ])
    .default({ times: 1 }),
  /** `Retry-After` of a refusal; null: the answer has none. Left out: 1 for `throttle`, none for others. */
  retryAfterSeconds: z.number().int().min(0).max(3_600).nullable().optional(),
  status: z.number().int().min(400).max(599).optional(),
  code: z.string().min(1).max(200).optional(),
  message: z.string().min(1).max(2_000).optional(),
  /** How long it lasts, where it lasts: a `timeout`, 404 after a create, a reserved network interface. */
  forSeconds: z.number().min(0).max(86_400).optional(),
});

const REFUSAL = ['status', 'code', 'message'] as const;

/** What may be said beside which operation, which resource and when. */
export const DETAILS: Readonly<Record<FaultKind, readonly (keyof z.infer<typeof FAULT>)[]>> = {
  throttle: [...REFUSAL, 'retryAfterSeconds'],
  error: [...REFUSAL, 'retryAfterSeconds'],
  timeout: [...REFUSAL, 'forSeconds'],
  'reset-before': [],
  'reset-after': [],
  'fail-late': REFUSAL,
  cancel: REFUSAL,
  'not-found-after-create': ['forSeconds'],
  'allocation-failed': REFUSAL,
  quota: REFUSAL,
  'partial-move': [],
  'move-times-out': [],
  'copy-fails': ['code', 'message'],
  'stuck-detach': [],
  'stale-disk-state': [],
  'nic-reserved': ['forSeconds'],
};

/** A fault as a client asks for it. */
export type FaultWish = z.input<typeof FAULT>;

export type Fault = z.infer<typeof FAULT> & {
  readonly id: string;
  /** How often something came that it fits, and how often it struck. */
  readonly matched: number;
  readonly fired: number;
  readonly createdAt: string;
  readonly lastFiredAt: string | null;
};

export interface FaultRecord extends Fault {
  /** Resources that are not found until then (milliseconds since 1970), by key. */
  readonly hidden: Readonly<Record<string, number>>;
}

/** Something that may be struck. */
export interface FaultTarget {
  /** All names that it goes by. */
  readonly operations: readonly string[];
  /** The ids of all resources that it concerns. */
  readonly resources: readonly string[];
  readonly size?: string | undefined;
  readonly zones?: readonly string[];
}

export function fits(fault: Fault, target: FaultTarget): boolean {
  if (!target.operations.some((name) => matches(fault.operation, name))) return false;
  const hasResource = target.resources.some((id) =>
    matches(fault.resource, fault.resource.includes('/') ? id : id.slice(id.lastIndexOf('/') + 1)),
  );
  if (!hasResource && fault.resource !== '*') return false;
  if (fault.size !== null && fault.size.toLowerCase() !== target.size?.toLowerCase()) return false;
  return fault.zone === null || (target.zones ?? []).includes(fault.zone);
}

/** Whether it strikes when it is met for the `matched`th time. */
export function strikes(when: Fault['when'], matched: number): boolean {
  if (when === 'always') return true;
  return 'nth' in when ? matched === when.nth : matched <= when.times;
}

/** `*` stands for any text; letters are compared without regard to case. */
export function matches(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const whole = text.toLowerCase();
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return whole === first;
  if (whole.length < first.length + last.length || !whole.startsWith(first) || !whole.endsWith(last)) return false;
  let position = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = whole.indexOf(part, position);
    if (found < 0 || found + part.length > whole.length - last.length) return false;
    position = found + part.length;
  }
  return true;
}
