import type { Secret } from '../secret.js';

/** Encrypts what has to lie in the database (AES-256-GCM under the appliance's key). */
export interface SecretBox {
  /** `context` (such as `repository:NAME`) is bound to the ciphertext: it opens under the same one only. */
  seal(secret: Secret, context: string): string;
  /** @throws PermanentError `SECRET_UNREADABLE` when the key or the context is not the one it was sealed with */
  open(sealed: string, context: string): Secret;
}

/** The contexts that are in use, in one place, because who seals and who opens are different services. */
export const SEALED = {
  repositoryPassword: (repositoryName: string) => `repository:${repositoryName}`,
  diskAccess: (restoreId: string, diskName: string) => `disk-access:${restoreId}/${diskName}`,
} as const;
