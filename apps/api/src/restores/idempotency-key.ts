import { IDEMPOTENCY_KEY } from '@landfall/contract';
import { InvalidRequestError } from '../errors/problem.js';

/** @throws InvalidRequestError when the header is there and no fit key */
export function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  const key = IDEMPOTENCY_KEY.safeParse(header);
  if (key.success) return key.data;
  throw new InvalidRequestError(key.error.issues.map(({ message }) => ({ field: 'Idempotency-Key', message })));
}
