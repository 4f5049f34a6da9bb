import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { LandfallError, type FileStore, type Secret } from '@landfall/domain';
import { z } from 'zod';
import { SealBroken, unseal, type SealingKey } from './crypto.js';
import { repositoryNotFound, repositoryPasswordWrong } from './errors.js';
import { listNamedFiles, parseJson, readNamedFile, type NamedFile } from './stored-files.js';

/*
 * A key file holds the repository's master key, sealed under a key that scrypt makes of one password. A repository has
 * one file for each password; which one is ours is found by trying them all.
 */
const deriveKey = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

const KEY_FILE_LIMIT_BYTES = 64 * 1024;
const MOST_KEYS = 100;
/** scrypt needs 128·N·r bytes; restic itself stays below 64 MiB. */
const SCRYPT_MEMORY_BYTES = 128 * 1024 * 1024;
/** It goes over that memory p times; restic takes as many as its machine can in half a second. */
const SCRYPT_WORK_BYTES = 512 * 1024 * 1024;

const base64 = (bytes: number) =>
  z.base64().transform((text, context) => {
    const decoded = Buffer.from(text, 'base64');
    if (decoded.length === bytes) return decoded;
    context.addIssue({ code: 'custom', message: `must be ${bytes} bytes` });
    return z.NEVER;
  });

const KEY_FILE = z
  .object({
    kdf: z.literal('scrypt'),
    N: z
      .number()
      .int()
      .min(2)
      .max(2 ** 20)
      .refine((value) => Number.isInteger(Math.log2(value)), 'must be a power of two'),
    r: z.number().int().min(1).max(64),
    p: z.number().int().min(1).max(16),
    salt: z.base64().transform((text) => Buffer.from(text, 'base64')),
    data: z.base64().transform((text) => Buffer.from(text, 'base64')),
  })
  .refine(({ N, r }) => 128 * N * r <= SCRYPT_MEMORY_BYTES, 'asks scrypt for too much memory')
  .refine(({ N, r, p }) => 128 * N * r * p <= SCRYPT_WORK_BYTES, 'asks scrypt for too much time')
  // RFC 7914, section 2: N is less than 2^(128·r/8).
  .refine(({ N, r }) => Math.log2(N) < 16 * r, 'has an N that is too large for its r');

const MASTER_KEY = z.object({
  mac: z.object({ k: base64(16), r: base64(16) }),
  encrypt: base64(32),
});

type KeyFile = z.infer<typeof KEY_FILE>;

/**
 * The master key that `password` opens.
 * @throws PermanentError `REPOSITORY_PASSWORD_WRONG`; `REPOSITORY_DAMAGED` when it opens none and one is unreadable;
 *   `REPOSITORY_NOT_FOUND` when there is no key at all
 */
export async function unlock(store: FileStore, password: Secret, signal?: AbortSignal): Promise<SealingKey> {
  const files = (await listNamedFiles(store, 'keys', signal)).slice(0, MOST_KEYS);
  if (files.length === 0) throw repositoryNotFound(store.description);
  let damage: LandfallError | undefined;
  for (const file of files) {
    try {
      const opened = await tryKey(await readKeyFile(store, file, signal), password, file.name);
      if (opened !== null) return opened;
    } catch (error) {
      // Another key may still open: a damaged one counts only if none does.
      if (!(error instanceof LandfallError) || error.code !== 'REPOSITORY_DAMAGED') throw error;
      damage = error;
    }
  }
  throw damage ?? repositoryPasswordWrong(store.description, files.length);
}

async function readKeyFile(store: FileStore, file: NamedFile, signal: AbortSignal | undefined): Promise<KeyFile> {
  const bytes = await readNamedFile(store, 'keys', file, KEY_FILE_LIMIT_BYTES, signal);
  return parseJson(KEY_FILE, bytes, `file keys/${file.name}`);
}

/** Null when the password is not this key's. */
async function tryKey(file: KeyFile, password: Secret, name: string): Promise<SealingKey | null> {
  const { N, r, p, salt } = file;
  const derived = await deriveKey(password.reveal(), salt, 64, { N, r, p, maxmem: 2 * SCRYPT_MEMORY_BYTES });
  const userKey: SealingKey = {
    encrypt: derived.subarray(0, 32),
    macK: derived.subarray(32, 48),
    macR: derived.subarray(48, 64),
  };
  let plain: Buffer;
  try {
    plain = unseal(userKey, Buffer.from(file.data));
  } catch (error) {
    if (error instanceof SealBroken) return null;
    throw error;
  }
  const master = parseJson(MASTER_KEY, plain, `file keys/${name}`);
  return { encrypt: master.encrypt, macK: master.mac.k, macR: master.mac.r };
}
