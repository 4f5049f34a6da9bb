import { describe, expect, it } from '@jest/globals';
import { mayDo, type Principal, type Requirement, type Role } from './roles.js';

describe('roles', () => {
  const user = (role: Role): Principal => ({ kind: 'user', name: role, role, via: 'token' });
  const worker: Principal = { kind: 'worker', workerId: 'w1', tokenHash: 'h', ended: false };
  const allowed: [string, Principal | undefined, Requirement[]][] = [
    ['nobody', undefined, ['nobody']],
    ['a viewer', user('viewer'), ['nobody', 'viewer']],
    ['an operator', user('operator'), ['nobody', 'viewer', 'operator']],
    ['an approver', user('approver'), ['nobody', 'viewer', 'operator', 'approver']],
    ['an administrator', user('admin'), ['nobody', 'viewer', 'operator', 'approver', 'admin']],
    ['a mover of the pool', user('mover'), ['nobody', 'data-mover']],
    ['a worker', worker, ['nobody', 'data-mover']],
  ];
  const all: Requirement[] = ['nobody', 'viewer', 'operator', 'approver', 'admin', 'data-mover'];

  for (const [who, principal, may] of allowed) {
    it(`let ${who} do ${may.join(', ')} and no more`, () => {
      expect(all.filter((requirement) => mayDo(principal, requirement))).toStrictEqual(
        all.filter((requirement) => may.includes(requirement)),
      );
    });
  }
});
