/*
 * What differs between two runs of the same requests: ids that are drawn, times, addresses of the server, signatures.
 * Each such piece of a text is a token. Tokens of one run are paired with those of the other at the same place, and the
 * pair holds from then on, in the requests that follow as well.
 */
const TOKEN = new RegExp(
  [
    String.raw`https?://(?:127\.0\.0\.1|localhost)(?::\d+)?`,
    String.raw`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`,
    String.raw`\d{4}-\d{2}-\d{2}T\d{2}(?::|%3A)\d{2}(?::|%3A)\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})`,
    String.raw`\b(?:[0-9A-F]{2}-){5}[0-9A-F]{2}\b`,
    // Addresses that are given out at random, and names of signed URLs.
    String.raw`\b203\.0\.113\.\d{1,3}\b`,
    String.raw`\b[0-9a-f]{32}\b`,
  ].join('|'),
  'gi',
);

export class Pairs {
  private readonly replayed = new Map<string, string>();

  /** The text as the second run knows it. */
  translate(text: string): string {
    return text.replace(TOKEN, (token) => this.replayed.get(token.toLowerCase()) ?? token);
  }

  /** Whether two texts are the same but for paired tokens; learns the pairs that are new. */
  match(recorded: string, replayed: string): boolean {
    const [before, after] = [tokens(recorded), tokens(replayed)];
    if (frame(recorded) !== frame(replayed) || before.length !== after.length) return false;
    return before.every((token, index) => this.pair(token, after[index] ?? ''));
  }

  /** Times come again by chance, in one run and not in the other: they are not paired. */
  private pair(recorded: string, replayed: string): boolean {
    if (/^\d{4}-\d{2}-\d{2}T/.test(recorded)) return /^\d{4}-\d{2}-\d{2}T/.test(replayed);
    const known = this.replayed.get(recorded.toLowerCase());
    if (known !== undefined) return known.toLowerCase() === replayed.toLowerCase();
    this.replayed.set(recorded.toLowerCase(), replayed);
    return true;
  }
}

/** What is left without the tokens, and without signatures, which are not recorded. */
function frame(text: string): string {
  return text.replace(TOKEN, '\0').replace(/([?&]sig=)[^&]*/gi, '$1');
}

function tokens(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}
