import { AzureError } from '../arm/errors.js';
import { keyOf } from '../arm/resource-id.js';
import type { Call, Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import type { Principal } from '../settings/principal.js';
import { THROTTLING, type Throttling } from '../settings/throttling.js';
import { scopeOf } from './scopes.js';

/*
 * How many requests Azure takes, as token buckets: each request takes a token, and tokens come back at a steady rate.
 *
 *   Resource Manager   reads, writes and deletes, for each subscription and principal
 *   Compute            changes, for each virtual machine and for each subscription
 *
 * `throttling: null` in the settings switches it off: nothing is refused, and the headers tell of full buckets.
 */

type Rate = Throttling['reads'];

const AZURES_OWN = THROTTLING.parse({});
const HEADER = 'x-ms-ratelimit-remaining-subscription';
/** With more buckets than these, those that are full again are forgotten. */
const MOST_BUCKETS = 5_000;

interface Bucket {
  readonly rate: Rate;
  tokens: number;
  filledAtMs: number;
}

export class Throttle {
  private readonly buckets = new Map<string, Bucket>();

  constructor(private readonly azure: () => Pick<Azure, 'settings' | 'now'>) {}

  /**
   * Counts a request to Azure Resource Manager; gives the headers that its answer carries.
   * @throws AzureError 429 SubscriptionRequestsThrottled
   */
  admit(method: string, path: string, principal: Principal): Readonly<Record<string, string>> {
    const subscription = /^\/subscriptions\/([^/]+)/i.exec(path)?.[1];
    if (subscription === undefined) return {};
    const kind = kindOf(method);
    const throttling = this.azure().settings.values.throttling;
    if (throttling === null) return { [`${HEADER}-${kind}`]: String(AZURES_OWN[kind].burst - 1) };
    const key = `${kind} ${keyOf(subscription)} ${principal.objectId}`;
    const wait = this.secondsUntilFree([[key, throttling[kind]]]);
    if (wait === 0) return { [`${HEADER}-${kind}`]: String(Math.floor(this.bucket(key, throttling[kind]).tokens)) };
    throw new AzureError(
      429,
      'SubscriptionRequestsThrottled',
      `Number of '${kind.slice(0, -1)}' requests for subscription '${subscription}' actor '${principal.objectId}' exceeded. ` +
        `Please try again after '${wait}' seconds after additional tokens are available. ` +
        'Refer to https://aka.ms/arm-throttling for additional information.',
      { headers: { [`${HEADER}-${kind}`]: '0', 'retry-after': String(wait) } },
    );
  }

  /** @throws AzureError 429 OperationNotAllowed, details TooManyRequests, for a change through Compute */
  requireCompute(route: Route, call: Call): void {
    const throttling = this.azure().settings.values.throttling;
    if (throttling === null || route.effect === 'read' || !/\/providers\/Microsoft\.Compute\//i.test(call.path)) return;
    const scope = scopeOf(call.path);
    const subscription = keyOf(call.parameters['subscriptionId'] ?? '');
    const wanted: [string, Rate][] = [[`compute ${subscription}`, throttling.computePerSubscription]];
    if (/\/virtualMachines\/[^/]+$/i.test(scope)) wanted.push([`vm ${keyOf(scope)}`, throttling.computePerVm]);
    const wait = this.secondsUntilFree(wanted);
    if (wait > 0) throw tooManyForCompute(route, wait, throttling.isUnwrapped);
  }

  /** Takes a token of each, or of none when one has none left. */
  private secondsUntilFree(wanted: readonly (readonly [string, Rate])[]): number {
    const buckets = wanted.map(([key, rate]) => this.bucket(key, rate));
    const waits = buckets.map(({ tokens, rate }) => (tokens > 1 - 1e-9 ? 0 : secondsFor(1 - tokens, rate)));
    const longest = Math.max(...waits);
    if (longest === 0) for (const taken of buckets) taken.tokens -= 1;
    return longest;
  }

  /** As full as it is by now. */
  private bucket(key: string, rate: Rate): Bucket {
    const nowMs = this.azure().now().getTime();
    const known = this.buckets.get(key);
    if (known === undefined || known.rate.burst !== rate.burst || known.rate.perMinute !== rate.perMinute) {
      if (this.buckets.size >= MOST_BUCKETS) this.forgetFull(nowMs);
      const fresh: Bucket = { rate, tokens: rate.burst, filledAtMs: nowMs };
      this.buckets.set(key, fresh);
      return fresh;
    }
    known.tokens = tokensAt(known, nowMs);
    known.filledAtMs = nowMs;
    return known;
  }

  private forgetFull(nowMs: number): void {
    for (const [key, known] of this.buckets) if (tokensAt(known, nowMs) >= known.rate.burst) this.buckets.delete(key);
  }
}

/** Rounded up, but not for what is only an error of floating point. */
function secondsFor(tokens: number, rate: Rate): number {
  return Math.ceil((tokens * 60) / rate.perMinute - 1e-6);
}

function tokensAt({ rate, tokens, filledAtMs }: Bucket, nowMs: number): number {
  return Math.min(rate.burst, tokens + (Math.max(0, nowMs - filledAtMs) / 60_000) * rate.perMinute);
}

function kindOf(method: string): 'reads' | 'writes' | 'deletes' {
  if (method === 'GET' || method === 'HEAD') return 'reads';
  return method === 'DELETE' ? 'deletes' : 'writes';
}

function tooManyForCompute(route: Route, retryAfterSeconds: number, isUnwrapped: boolean): AzureError {
  return new AzureError(
    429,
    'OperationNotAllowed',
    'The server rejected the request because too many requests have been received for this subscription.',
    {
      details: [
        {
          code: 'TooManyRequests',
          target: route.operation,
          message: JSON.stringify({ operationGroup: route.operation }),
        },
      ],
      headers: { 'retry-after': String(retryAfterSeconds) },
      isUnwrapped,
    },
  );
}
