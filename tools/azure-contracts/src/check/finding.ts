import type { Exchange } from '@landfall/azure-emulator';

/** Something in a request or an answer that Microsoft's published contracts don't know. */
export interface Finding {
  /** As the source names it; null when no operation has this method and path. */
  readonly operation: string | null;
  readonly side: 'request' | 'answer';
  /** Where in the body, the query (`?name`) or the headers (`name:`); empty for the whole. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  readonly exchange: Exchange;
}

export function describeFinding({ operation, side, path, rule, message, exchange }: Finding): string {
  const { request, answer } = exchange;
  const place = path === '' ? '' : ` at ${path}`;
  return `${operation ?? 'no operation'}: ${rule} in the ${side}${place}: ${message} (${request.method} ${request.path} → ${answer.status})`;
}

/** What a checker knows of an exchange while it looks for findings in it. */
export type Report = (side: Finding['side'], path: string, rule: string, message: string) => void;
