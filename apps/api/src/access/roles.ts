import { type UserRole, USER_ROLES } from '@landfall/contract';
import { SetMetadata } from '@nestjs/common';

/** `mover`: a data-mover of the pool, which may only claim segments. */
export type Role = UserRole | 'mover';

export type Principal =
  | {
      readonly kind: 'user';
      /** The token's name; stands in the audit log. */
      readonly name: string;
      readonly role: Role;
      /** A cookie is sent by the browser on its own, so that changes by it need a proof of origin. */
      readonly via: 'token' | 'cookie';
    }
  | {
      readonly kind: 'worker';
      readonly workerId: string;
      readonly tokenHash: string;
      /** The session has ended; it is heard where a verdict is reported, and nowhere else. */
      readonly ended: boolean;
    };

/** What a route asks for: a user's role, a data-mover's token, or nothing at all. */
export type Requirement = UserRole | 'data-mover' | 'nobody';

export const REQUIREMENT = 'landfall:requires';

/** Every route carries one; a route without it is refused. */
export const Requires = (requirement: Requirement) => SetMetadata(REQUIREMENT, requirement);

export function mayDo(principal: Principal | undefined, requirement: Requirement): boolean {
  if (requirement === 'nobody') return true;
  if (principal === undefined) return false;
  if (requirement === 'data-mover') return principal.kind === 'worker' || principal.role === 'mover';
  return (
    principal.kind === 'user' &&
    principal.role !== 'mover' &&
    USER_ROLES.indexOf(principal.role) >= USER_ROLES.indexOf(requirement)
  );
}

declare module 'express-serve-static-core' {
  interface Request {
    /** Put there by the gate; absent on the few addresses that are open. */
    principal?: Principal;
  }
}
