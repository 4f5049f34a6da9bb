import type { ErrorDetails } from '@landfall/domain';

/** What a supervisor tells the call that started it, until everything is ready. */
export type SupervisorMessage =
  | { readonly kind: 'note'; readonly line: string }
  | { readonly kind: 'ready' }
  /** Another call was there first. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'failed'; readonly error: ErrorDetails };
