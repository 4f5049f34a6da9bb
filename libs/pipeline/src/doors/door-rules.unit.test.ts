import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Secret } from '@landfall/domain';
import { DOOR_COMMANDS, doorPassword, doorRules, doorUser, workerOfUser } from './door-rules.js';

/** The scripts that a BullMQ worker runs when it takes, keeps, ends, puts off or gives back a job. */
const SCRIPTS = [
  ...['moveToActive', 'moveToFinished', 'moveToDelayed', 'moveJobFromActiveToWait', 'moveStalledJobsToWait'],
  ...['retryJob', 'extendLock', 'extendLocks'],
];
const DOCUMENTED = new URL('../../../../docs/security.md', import.meta.url);
const KEY = new Secret('ab'.repeat(32));

function calledBy(script: string): string[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve('bullmq')), 'scripts');
  const file = readdirSync(folder).find((name) => new RegExp(`^${script}-\\d+\\.js$`).test(name));
  assert.ok(file, `BullMQ has no script ${script} any more`);
  const text = readFileSync(join(folder, file), 'utf8');
  const named = [...text.matchAll(/(?:rcall|redis\.p?call)\(\s*['"](\w+)/g)].map(([, command]) => command ?? '');
  const pushed = text.match(/\b[RL]PUSH\b/g) ?? [];
  return [...named, ...pushed].map((command) => command.toUpperCase());
}

describe('the rules of a door', () => {
  it('allow what the scripts of a BullMQ worker call, and no command besides that they do not need', () => {
    const called = new Set(SCRIPTS.flatMap(calledBy));
    expect([...called].filter((command) => !DOOR_COMMANDS.includes(command)).toSorted()).toStrictEqual([]);
    const sent = ['INFO', 'PING', 'QUIT', 'CLIENT|SETNAME', 'BZPOPMIN', 'EVAL', 'EVALSHA'];
    expect(DOOR_COMMANDS.filter((command) => !called.has(command) && !sent.includes(command))).toStrictEqual([]);
  });

  it('are those that the documentation gives to a fixed user', () => {
    const command = /ACL SETUSER landfall-movers[^`]*/.exec(readFileSync(DOCUMENTED, 'utf8'))?.[0] ?? '';
    const allowed = [...command.matchAll(/\+(\S+)/g)].map(([, name]) => name?.toUpperCase());
    expect(allowed.toSorted()).toStrictEqual(DOOR_COMMANDS.toSorted());
  });

  it('begin with nothing, and name the keys of one queue only', () => {
    const rules = doorRules('landfall', { workerId: 'r1-worker-1' }, new Secret('password'), 0);
    expect(rules[0]).toBe('reset');
    expect(rules.filter((rule) => /^[~%&]|^all|^@|^\+@|nopass/.test(rule))).toStrictEqual([
      '~landfall:mover-worker-r1-worker-1:*',
    ]);
    expect(rules).toContain('resetchannels');
    expect(rules.some((rule) => rule.startsWith('+select'))).toBe(false);
    expect(rules.some((rule) => rule.includes('password'))).toBe(false);
  });

  it('allow the one database that is in use, where it is not the first', () => {
    const rules = doorRules('landfall', 'pool', new Secret('password'), 3);
    expect(rules.filter((rule) => rule.startsWith('+select'))).toStrictEqual(['+select|3']);
    expect(rules).toContain('~landfall:mover-pool:*');
  });
});

describe('the password of a door', () => {
  it('is the same each time, and another one for each owner, installation and key', () => {
    const passwords = [
      doorPassword(KEY, 'landfall', { workerId: 'r1-worker-1' }),
      doorPassword(KEY, 'landfall', { workerId: 'r1-worker-2' }),
      doorPassword(KEY, 'other', { workerId: 'r1-worker-1' }),
      doorPassword(KEY, 'landfall', 'pool'),
      doorPassword(new Secret('cd'.repeat(32)), 'landfall', { workerId: 'r1-worker-1' }),
    ].map((password) => password.reveal());
    expect(new Set(passwords).size).toBe(passwords.length);
    for (const password of passwords) expect(password).toMatch(/^[\w-]{43}$/);
    expect(doorPassword(KEY, 'landfall', { workerId: 'r1-worker-1' }).reveal()).toBe(passwords[0]);
  });
});

describe('the user of a door', () => {
  it('tells its worker, and is not taken for one of another installation', () => {
    const user = doorUser('landfall', { workerId: 'r1-worker-1' });
    expect(workerOfUser('landfall', user)).toBe('r1-worker-1');
    for (const other of ['land', 'landfall-worker', 'landfall-2']) {
      expect(workerOfUser(other, user)).toBe(null);
      expect(workerOfUser('landfall', doorUser(other, { workerId: 'r1-worker-1' }))).toBe(null);
    }
    expect(workerOfUser('landfall', doorUser('landfall', 'pool'))).toBe(null);
    expect(workerOfUser('landfall', 'default')).toBe(null);
  });
});
