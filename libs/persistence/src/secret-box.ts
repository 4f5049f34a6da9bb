import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { BadInputError, PermanentError, Secret, type SecretBox } from '@landfall/domain';

/*
 * Secrets at rest: AES-256-GCM with a random 96-bit nonce each, the context as associated data.
 * Text: `v1.` nonce `.` ciphertext and 16-byte tag, the latter two in base64url. Another algorithm gets another version.
 */
const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_PATTERN = /^[0-9a-fA-F]{64}$/;

/** `key`: 32 bytes in hexadecimal. @throws BadInputError `SECRET_KEY_INVALID` */
export function createSecretBox(key: Secret): SecretBox {
  if (!KEY_PATTERN.test(key.reveal())) {
    throw new BadInputError({
      code: 'SECRET_KEY_INVALID',
      message: 'The key that protects the stored secrets is not 64 hexadecimal digits.',
      fix: 'Set LANDFALL_SECRET_KEY to the key that this installation was set up with.',
    });
  }
  const bytes = Buffer.from(key.reveal(), 'hex');
  return {
    seal(secret, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
    },
    open(sealed, context) {
      const [version, nonceText, bodyText, ...rest] = sealed.split('.');
      const nonce = Buffer.from(nonceText ?? '', 'base64url');
      const body = Buffer.from(bodyText ?? '', 'base64url');
      if (version !== VERSION || rest.length > 0 || nonce.length !== NONCE_BYTES || body.length < TAG_BYTES) {
        throw unreadable(context);
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', bytes, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(context));
        decipher.setAuthTag(body.subarray(-TAG_BYTES));
        const plain = Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
        return new Secret(plain.toString('utf8'));
      } catch (cause) {
        throw unreadable(context, cause);
      }
    },
  };
}

function unreadable(context: string, cause?: unknown): PermanentError {
  return new PermanentError(
    {
      code: 'SECRET_UNREADABLE',
      message: `The stored secret of ${context} can't be opened with the present key.`,
      fix: 'Set LANDFALL_SECRET_KEY to the key that it was stored with, or enter the secret again.',
    },
    { cause },
  );
}
