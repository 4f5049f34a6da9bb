/*
 * What a person is told to call next has to work as it stands: with the folder that this call was given, too. It is put in
 * where text is written, whoever has made the text, also the API, which knows of no folders.
 */

/** Commands of ours, quoted or at the end of a sentence: `"./landfall show ID"`, `: landfall approve ID.` */
const QUOTED = /"(?:\.\/)?landfall (?=[a-z])([^"\n]*)"/g;
const PLAIN = /(?<=[:(] ?)landfall (?=[a-z])((?:[a-z][a-z-]*)(?: [\w-]+)*)(?=[.)])/g;

/** The text with `--data` in every command that it names. @param data as it was given; undefined: it was not */
export function withData(text: string, data: string | undefined): string {
  if (data === undefined) return text;
  const completed = (words: string): string =>
    `./landfall ${words}${words.includes(' --data ') ? '' : ` --data ${shellWord(data)}`}`;
  return text
    .replace(QUOTED, (_, words: string) => `"${completed(words)}"`)
    .replace(PLAIN, (_, words: string) => completed(words));
}

/** As a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
