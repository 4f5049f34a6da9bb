import { detailsOf } from '@landfall/domain';
import { Inject, Injectable, ServiceUnavailableException } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';

/** One thing that a service needs, by name; `check` throws when it cannot be had. */
export interface ReadinessCheck {
  readonly name: string;
  /** Shown, and does not make the service unready: it can do all but a part of its work. */
  readonly advisory?: boolean;
  check(): Promise<void>;
}

/** The service's list of `ReadinessCheck`. */
export const CHECKS = Symbol('checks');

export interface ReadinessAnswer {
  readonly status: 'ok' | 'unavailable';
  /** By the check's name: `ok`, or the code of what is wrong. Codes only: these answers need no sign-in. */
  readonly checks: Readonly<Record<string, string>>;
}

/** A check that does not answer in this time counts as failed; probes have a deadline of their own. */
const CHECK_TIMEOUT_MS = 2_000;

/** Whether a service can do its work. */
@Injectable()
export class Readiness {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(CHECKS) private readonly checks: readonly ReadinessCheck[],
  ) {}

  async look(): Promise<ReadinessAnswer> {
    const { status, details } = await this.#result();
    return {
      status: status === 'ok' || status === 'degraded' ? 'ok' : 'unavailable',
      checks: Object.fromEntries(this.checks.map(({ name }) => [name, String(details[name]?.['code'])])),
    };
  }

  /** terminus throws what it finds wrong. */
  async #result(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.checks.map((check) => () => this.#lookAt(check)));
    } catch (error) {
      if (error instanceof ServiceUnavailableException) return error.getResponse() as HealthCheckResult;
      throw error;
    }
  }

  async #lookAt(check: ReadinessCheck): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(check.name);
    const code = await outcomeOf(check);
    if (code === 'ok') return indicator.up({ code });
    return check.advisory === true ? indicator.degraded({ code }) : indicator.down({ code });
  }
}

async function outcomeOf(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('TIMED_OUT'), CHECK_TIMEOUT_MS);
  });
  const outcome = check.check().then(
    () => 'ok',
    (error: unknown) => detailsOf(error).code,
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}
