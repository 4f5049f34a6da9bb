import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cells, HEADINGS, type Row } from './table.js';

/*
 * The table of docs/reliability.md. Each row says with which seed and command it was made, so that faults can be run one
 * at a time; rows of faults that were not run now stay as they are.
 */
const DOCUMENT = fileURLToPath(new URL('../../../../docs/reliability.md', import.meta.url));
const BEGIN = '<!-- fault matrix: written by tools/chaos -->';
const END = '<!-- end of the fault matrix -->';

export interface Origin {
  readonly seed: number;
  readonly command: string;
}

export async function keepRows(rows: readonly Row[], origin: Origin, file = DOCUMENT): Promise<void> {
  const text = await readFile(file, 'utf8');
  await writeFile(file, withRows(text, rows, origin));
}

/** @throws Error when the document has no place for the table */
export function withRows(text: string, rows: readonly Row[], origin: Origin): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The document has no lines "${BEGIN}" and "${END}".`);
  const known = new Map<string, readonly string[]>();
  for (const line of text.slice(begin, end).split('\n')) {
    const columns = line
      .split('|')
      .slice(1, -1)
      .map((column) => column.trim());
    if (/^(F\d+|shutdown|rolling|by-hand)$/.test(columns[0] ?? '')) known.set(columns[0]!, columns);
  }
  for (const row of rows) {
    if (row.runs > 0) known.set(row.fault, [...cells(row), String(origin.seed), `\`${origin.command}\``]);
  }
  const sorted = [...known].sort(([left], [right]) => rank(left) - rank(right)).map(([, columns]) => columns);
  const table = aligned([[...HEADINGS, 'seed', 'command'], ...sorted]);
  return `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`;
}

/** As the formatter of the repository wants it: columns of one width. */
function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const row = (columns: readonly string[]): string =>
    `| ${widths.map((width, column) => (columns[column] ?? '').padEnd(width)).join(' | ')} |`;
  const [headings = [], ...rest] = lines;
  return [row(headings), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(row)].join('\n');
}

/** F2 before F10; what has no number comes last. */
function rank(fault: string): number {
  const number = Number(fault.slice(1));
  return Number.isNaN(number) ? Number.MAX_SAFE_INTEGER : number;
}
