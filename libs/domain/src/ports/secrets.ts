import type { Secret } from '../secret.js';

/** Encrypts what has to lie in the database (AES-256-GCM under the appliance's key). */
export interface SecretBox {
  /** `context` (such as `repository:NAME`) is bound to the ciphertext: it opens under the same one only. */
  seal(secret: Secret, context: string): string;
  /** @throws PermanentError `SECRET_UNREADABLE` when the key or the context is not the one it was sealed with */
  open(sealed: string, context: string): Secret;
}

/** The contexts in use, in one place: who opens a secret is seldom who sealed it. */
export const SEALING_CONTEXT = {
  repositoryPassword: (repositoryName: string): string => `repository:${repositoryName}`,
  /** The saved model of a captured VM, which may hold secrets of its owner's (user data, settings of extensions). */
  captureModel: (captureId: string): string => `capture:${captureId}`,
  /** The saved model of a VM that a restore replaces, likewise. */
  sourceModel: (restoreId: string): string => `source:${restoreId}`,
  /** The SAS of a disk that is written without a worker. */
  diskAccess: (restoreId: string, diskName: string): string => `disk-access:${restoreId}/${diskName}`,
} as const;
