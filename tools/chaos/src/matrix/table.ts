import type { Result } from '../live/campaign.js';

/** One row of the printed table, and of the one in docs/reliability.md. */
export interface Row {
  readonly fault: string;
  readonly title: string;
  readonly planned: number;
  readonly runs: number;
  readonly survived: number;
  readonly violations: number;
  readonly notReached: number;
  readonly recoveryP50Ms: number | null;
  readonly recoveryP95Ms: number | null;
}

export function rowOf(
  fault: { readonly id: string; readonly title: string },
  planned: number,
  all: readonly Result[],
): Row {
  const results = all.filter((result) => result.trial.fault === fault.id);
  const recoveries = results.flatMap((result) => (result.recoveryMs === null ? [] : [result.recoveryMs]));
  return {
    fault: fault.id,
    title: fault.title,
    planned,
    runs: results.length,
    survived: results.filter((result) => result.survived && result.reached).length,
    violations: results.reduce((sum, result) => sum + result.violations.length, 0),
    notReached: results.filter((result) => !result.reached).length,
    recoveryP50Ms: percentile(recoveries, 0.5),
    recoveryP95Ms: percentile(recoveries, 0.95),
  };
}

/** The smallest value that at least this share of all does not exceed. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

export const HEADINGS = [
  'fault',
  'what',
  'planned',
  'runs',
  'survived',
  'violations',
  'not reached',
  'recovery p50',
  'recovery p95',
] as const;

export function cells(row: Row): readonly string[] {
  const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1_000).toFixed(1)} s`);
  return [
    row.fault,
    row.title,
    String(row.planned),
    row.runs === 0 ? 'not run' : String(row.runs),
    String(row.survived),
    String(row.violations),
    String(row.notReached),
    seconds(row.recoveryP50Ms),
    seconds(row.recoveryP95Ms),
  ];
}

export function printed(rows: readonly Row[]): string {
  const lines = [HEADINGS as readonly string[], ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
