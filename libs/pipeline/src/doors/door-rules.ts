import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { Secret } from '@landfall/domain';
import { QUEUES, workerQueue } from '../queues.js';

/*
 * What a user of Redis may do that is made for a worker, or for the pool of data-movers: run a BullMQ worker on its own
 * queue, and nothing else. A script is bound by the rules of whoever calls it, so that it reaches no further.
 *
 * Its password is derived from the installation's key: every API comes to the same one, so none has to be kept. Redis
 * gets its hash only.
 */
export type DoorOwner = { readonly workerId: string } | 'pool';

/** What a BullMQ worker and ioredis send by themselves. Without INFO a worker starves its event loop. */
const SENT = ['INFO', 'PING', 'QUIT', 'CLIENT|SETNAME', 'BZPOPMIN', 'EVAL', 'EVALSHA'];

/** What the scripts call by which a BullMQ worker takes, keeps, ends, puts off and gives back its jobs. */
const CALLED = [
  ...['DEL', 'EXISTS', 'GET', 'INCR', 'PEXPIRE', 'PTTL', 'SET'],
  ...['HDEL', 'HEXISTS', 'HGET', 'HGETALL', 'HINCRBY', 'HMGET', 'HMSET', 'HSET'],
  ...['LLEN', 'LPUSH', 'LRANGE', 'LREM', 'LTRIM', 'RPOPLPUSH', 'RPUSH'],
  ...['SADD', 'SCARD', 'SMEMBERS', 'SREM'],
  ...['XADD', 'XTRIM'],
  ...['ZADD', 'ZCARD', 'ZPOPMIN', 'ZRANGE', 'ZRANGEBYSCORE', 'ZREM', 'ZREMRANGEBYRANK', 'ZREMRANGEBYSCORE'],
  ...['ZREVRANGE', 'ZREVRANGEBYSCORE', 'ZSCORE'],
];

export const DOOR_COMMANDS: readonly string[] = [...SENT, ...CALLED];

export function queueBehind(owner: DoorOwner): string {
  return owner === 'pool' ? QUEUES.moverPool : workerQueue(owner.workerId);
}

/** No prefix holds a `.`, so that no installation takes another one's user for its own. */
export function doorUser(prefix: string, owner: DoorOwner): string {
  return owner === 'pool' ? `${prefix}.pool` : `${workersOf(prefix)}${owner.workerId}`;
}

/** The worker whose user this is; null: another installation's, or nobody's. */
export function workerOfUser(prefix: string, user: string): string | null {
  return user.startsWith(workersOf(prefix)) ? user.slice(workersOf(prefix).length) : null;
}

function workersOf(prefix: string): string {
  return `${prefix}.worker.`;
}

/**
 * What `ACL SETUSER` is told after the name, in one call and so at once: it begins with nothing and ends with all.
 * @param database number of the database that the keys lie in; SELECT is allowed for that one alone
 */
export function doorRules(prefix: string, owner: DoorOwner, password: Secret, database: number): string[] {
  const hash = createHash('sha256').update(password.reveal()).digest('hex');
  const commands = DOOR_COMMANDS.map((command) => `+${command.toLowerCase()}`);
  const select = database === 0 ? [] : [`+select|${database}`];
  const keys = `~${prefix}:${queueBehind(owner)}:*`;
  return ['reset', 'on', `#${hash}`, 'resetchannels', keys, ...commands, ...select];
}

/** @param secretKey the installation's, 64 hexadecimal digits */
export function doorPassword(secretKey: Secret, prefix: string, owner: DoorOwner): Secret {
  const key = hkdfSync('sha256', Buffer.from(secretKey.reveal(), 'hex'), '', 'landfall doors to redis', 32);
  const user = doorUser(prefix, owner);
  return new Secret(createHmac('sha256', Buffer.from(key)).update(user).digest('base64url'));
}
