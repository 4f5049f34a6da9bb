/*
 * How much of a line a text takes on a terminal: letters of East Asia and emoji take two columns, and what is put onto a
 * letter takes none.
 */
const CLUSTERS = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** The blocks that Unicode's East Asian Width (annex 11) has as wide, as far as names are written with them. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of CLUSTERS.segment(text)) width += columnsOf(segment);
  return width;
}

/** The beginning that fits into so many columns. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of CLUSTERS.segment(text)) {
    width += columnsOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}

function columnsOf(cluster: string): number {
  return WIDE.test(cluster) ? 2 : 1;
}
