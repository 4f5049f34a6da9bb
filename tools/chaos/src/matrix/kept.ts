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
  const known = new Map<string, string>();
  for (const line of text.slice(begin, end).split('\n')) {
    const id = /^\| (F\d+)\b/.exec(line)?.[1];
    if (id !== undefined) known.set(id, line);
  }
  for (const row of rows) {
    if (row.runs === 0) continue;
    known.set(row.fault, `| ${[...cells(row), String(origin.seed), `\`${origin.command}\``].join(' | ')} |`);
  }
  const headings = [...HEADINGS, 'seed', 'command'];
  const lines = [...known]
    .sort(([left], [right]) => Number(left.slice(1)) - Number(right.slice(1)))
    .map(([, line]) => line);
  const rule = `| ${headings.map(() => '---').join(' | ')} |`;
  const table = [`| ${headings.join(' | ')} |`, rule, ...lines].join('\n');
  return `${text.slice(0, begin)}${BEGIN}\n\n${table}\n\n${text.slice(end)}`;
}
