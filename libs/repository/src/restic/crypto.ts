import { createDecipheriv, timingSafeEqual } from 'node:crypto';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { freeMemory } from './memory.js';

/*
 * restic seals everything that it stores the same way:
 *
 *   16 bytes IV | AES-256-CTR ciphertext, as long as the plaintext | 16 bytes Poly1305-AES over the ciphertext
 *
 * Poly1305-AES takes a key of two halves: r, which is stored, and s, the IV encrypted by AES-128 under the stored k.
 */
export const IV_BYTES = 16;
export const MAC_BYTES = 16;
export const SEAL_BYTES = IV_BYTES + MAC_BYTES;

/** A decryption in one go holds input and output at once; in steps, the output takes the place of the input. */
const STEP_BYTES = 1 << 20;

export interface SealingKey {
  /** 32 bytes. */
  readonly encrypt: Uint8Array;
  /** 16 bytes. */
  readonly macK: Uint8Array;
  /** 16 bytes. */
  readonly macR: Uint8Array;
}

/** Thrown when the MAC does not fit: wrong key, or changed bytes. */
export class SealBroken extends Error {}

/**
 * Checks the MAC and decrypts **in place**: the returned plaintext lies in `sealed`'s own memory.
 * @throws SealBroken
 */
export function unseal(key: SealingKey, sealed: Buffer): Buffer {
  if (sealed.length < SEAL_BYTES) throw new SealBroken('it is shorter than its seal');
  const iv = sealed.subarray(0, IV_BYTES);
  const body = sealed.subarray(IV_BYTES, sealed.length - MAC_BYTES);
  const mac = sealed.subarray(sealed.length - MAC_BYTES);
  if (!timingSafeEqual(poly1305Aes(key, iv, body), mac)) throw new SealBroken('its authentication code does not fit');
  const cipher = createDecipheriv('aes-256-ctr', key.encrypt, iv);
  for (let at = 0; at < body.length; at += STEP_BYTES) {
    const step = cipher.update(body.subarray(at, at + STEP_BYTES));
    step.copy(body, at);
    freeMemory(step);
  }
  return body;
}

/**
 * Decrypts without looking at the MAC, into memory of its own.
 * For contents only whose SHA-256 is checked against an id from a source that was authenticated.
 */
export function decryptUnchecked(key: SealingKey, sealed: Buffer): Buffer {
  const cipher = createDecipheriv('aes-256-ctr', key.encrypt, sealed.subarray(0, IV_BYTES));
  return cipher.update(sealed.subarray(IV_BYTES, sealed.length - MAC_BYTES));
}

function poly1305Aes(key: SealingKey, iv: Uint8Array, message: Uint8Array): Uint8Array {
  const aes = createDecipheriv('aes-128-ctr', key.macK, iv);
  // The first key-stream block of CTR is the encrypted IV itself.
  const s = aes.update(Buffer.alloc(16));
  const mac = poly1305.create(Buffer.concat([key.macR, s]));
  // In steps too: each update copies what it is given.
  for (let at = 0; at < message.length; at += STEP_BYTES) mac.update(message.subarray(at, at + STEP_BYTES));
  return mac.digest();
}
