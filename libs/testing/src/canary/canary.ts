/*
 * Secrets for tests that look for them afterwards. Each holds the same word among bytes that programs quote, escape or
 * refuse; a text gives it away when the word is in it, as it is or in an encoding in which it comes through in one piece.
 */
const WORD = 'canary4711';

/** Passwords and tokens with what is odd in headers, JSON, environments, terminals and shells. */
export const CANARIES: readonly string[] = [
  WORD,
  `${WORD}\0tail`,
  `head\0${WORD}`,
  `${WORD}\nsecond line`,
  `first line\r\n${WORD}`,
  `"${WORD}"`,
  `'; ${WORD} #`,
  `\u001b[31m${WORD}`,
  `${WORD}-pässwörd§-密码`,
  `\ufeff${WORD}`,
  `  ${WORD}  `,
  `\ud800${WORD}`,
  `%00${WORD}%zz`,
  `\${${WORD}}`,
  `https://me:${WORD}@host/?sig=${WORD}#${WORD}`,
  WORD.repeat(500),
];

const ENCODED = [
  WORD,
  ...[0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + WORD)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, 12),
  ),
  Buffer.from(WORD).toString('hex'),
];

/** Where a text gives the secret away: what stands around it; null where it does not. */
export function givenAway(text: string): string | null {
  const found = ENCODED.map((encoded) => text.indexOf(encoded)).find((at) => at >= 0);
  return found === undefined ? null : text.slice(Math.max(0, found - 80), found + 40);
}
