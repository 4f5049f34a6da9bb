import type { TargetReport, Violation } from './campaign.js';

const HEADINGS = ['target', 'runs', 'accepted', 'refused', 'violations', 'slowest', 'most memory'] as const;

export function printedReports(reports: readonly TargetReport[]): string {
  const total = (what: (report: TargetReport) => number): number =>
    reports.reduce((sum, report) => sum + what(report), 0);
  const all: TargetReport = {
    target: 'all',
    runs: total((report) => report.runs),
    accepted: total((report) => report.accepted),
    refused: total((report) => report.refused),
    slowestMs: Math.max(...reports.map((report) => report.slowestMs)),
    peakBytes: Math.max(...reports.map((report) => report.peakBytes)),
    violations: reports.flatMap((report) => report.violations),
  };
  const lines = [[...HEADINGS], ...[...reports, all].map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const table = lines.map((line) =>
    line.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join('  '),
  );
  return [...table, ...all.violations.map(sentenceOf), `${all.violations.length} violations`].join('\n');
}

/** With what it takes to see it again. */
export function sentenceOf({ target, seed, run, why, excerpt }: Violation): string {
  return `${target}, run ${run} of seed ${seed}: ${why} (${excerpt})`;
}

function cells(report: TargetReport): string[] {
  return [
    report.target,
    String(report.runs),
    String(report.accepted),
    String(report.refused),
    String(report.violations.length),
    `${report.slowestMs.toFixed(0)} ms`,
    `${(report.peakBytes / 2 ** 20).toFixed(0)} MiB`,
  ];
}
