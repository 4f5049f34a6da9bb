/*
 * What shows that a machine has booted. `running`: Azure says that it runs. `serial`: its system has come so far as to say so itself
 * on its serial console, which Azure keeps as boot diagnostics.
 *
 * The console's text is the guest's own: whatever of it is shown can steer no terminal and has an end, and it is looked through in
 * time that grows with its length alone. So a pattern is a text that is looked for as it is, and no regular expression.
 */
export type BootCheck = 'none' | 'running' | 'serial';

/** For how long a machine may take, from when it was asked for. */
export const BOOT_SECONDS = 15 * 60;

export const LONGEST_BOOT_PATTERN = 200;

/** How much of the console's end an error shows. */
const MOST_SHOWN_LINES = 12;
const MOST_SHOWN_CHARACTERS = 1_200;

const ESCAPE = '\u001b';
/** What colours, moves the cursor or names the window: ECMA-48, CSI and OSC sequences. */
const STEERING = new RegExp(
  `${ESCAPE}(?:\\[[0-?]{0,32}[ -/]{0,8}[@-~]|\\][^${ESCAPE}\u0007]{0,256}(?:\u0007|${ESCAPE}\\\\)|.)`,
  'gs',
);

/** agetty: the host's name and `login: ` at the beginning of a line, after which the kernel may go on talking. */
const LINUX_PROMPT = /^(?!Last )\S{1,64} login:/m;
/** Windows' Special Administration Console. */
const WINDOWS_PROMPT = /^SAC>/m;

/** @param pattern null: a prompt at which somebody can sign in */
export function showsBoot(log: string, pattern: string | null): boolean {
  const text = printableConsole(log);
  return pattern === null ? LINUX_PROMPT.test(text) || WINDOWS_PROMPT.test(text) : text.includes(pattern);
}

/** The end of it, for people. */
export function endOfConsole(log: string): string {
  const lines = printableConsole(log)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  return lines.slice(-MOST_SHOWN_LINES).join('\n').slice(-MOST_SHOWN_CHARACTERS);
}

/** In lines, without anything that could steer a terminal. */
function printableConsole(log: string): string {
  return log
    .replace(STEERING, '')
    .replace(/\r+\n?/g, '\n')
    .replace(/[^\P{C}\n\t]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '');
}

/** Why a text can't be looked for; null: it can. */
export function bootPatternProblem(pattern: string): string | null {
  if (pattern.trim() === '') return 'it is empty';
  if (pattern.length > LONGEST_BOOT_PATTERN) return `it has more than ${LONGEST_BOOT_PATTERN} characters`;
  if (/\p{C}/u.test(pattern)) return 'it holds characters that no console shows, such as a line break';
  return null;
}
