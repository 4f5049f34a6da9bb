import { displayWidth } from './width.js';

/** A cell that is longer than this pushes the rest of its own row aside, and no other row. */
const WIDEST_COLUMN = 40;

/**
 * Columns as wide as their widest cell, two spaces apart; numbers to the right. Nothing is cut off, because what a table
 * shows is copied. The last column is not padded, so that a copied line has no blanks at its end.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(
      ...lines.map((line) => displayWidth(String(line[column] ?? ''))).filter((width) => width <= WIDEST_COLUMN),
      0,
    ),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const blanks = ' '.repeat(Math.max(0, widths[column]! - displayWidth(String(cell))));
          return typeof cell === 'number' ? `${blanks}${cell}` : `${cell}${blanks}`;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What is shown where a list is empty. */
export function tableOr(
  empty: string,
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return rows.length === 0 ? empty : formatTable(header, rows);
}
