import type { DiskResource } from './resources.js';

/** What Azure is asked. */
export interface ArmCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  /** `If-None-Match: *` */
  readonly onlyIfNew?: boolean;
}

/** What Azure answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export function refused(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

export function notFound(what: string): Answer {
  return refused(404, 'ResourceNotFound', `The Resource '${what}' was not found.`);
}

export function busy(name: string): Answer {
  return refused(409, 'Conflict', `Operation is not allowed on '${name}' since another operation is in progress.`);
}

export function ownedBy(disk: DiskResource): Answer {
  const message = `Disk '${disk.name}' cannot be attached as the disk is already owned by VM '${disk.managedBy ?? ''}'.`;
  return refused(409, 'ConflictingUserInput', message);
}

export function lunTaken(lun: number): Answer {
  return refused(400, 'InvalidParameter', `A disk at LUN ${lun} already exists.`);
}

export function underAccess({ name }: Pick<DiskResource, 'name'>): Answer {
  return refused(
    409,
    'OperationNotAllowed',
    `There is an active shared access signature outstanding for disk ${name}.`,
  );
}
