import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../matrix/seeded.js';
import { SECRET, type Scene } from './scene.js';

/*
 * Calls of the command line, each with one odd word: an id, a path, or a file with a password. Every command that takes one is
 * called in turn; seed and number of a run say everything of its words.
 */
export interface Call {
  readonly words: readonly string[];
}

type Random = () => number;
type Make = (scene: Scene, random: Random, run: number) => string[];

const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)]!;

/** What gets lost, is escaped or means something on its way through shells, addresses, JSON, tables and terminals. */
const ODD = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2F',
    '%00',
    '%',
    '?',
    '#',
    '&',
    '=',
    ' ',
    '\t',
    '\n',
    '\r',
    '\u001b[31m',
    '"',
    "'",
    '`',
    '$(id)',
  ],
  ...[
    '\\',
    '\ufeff',
    '\u202e',
    '\u0085',
    '\u2028',
    '\ud800',
    'é',
    '日本',
    '🦜',
    '-',
    '--',
    ':',
    '@',
    '*',
    '\u0000',
    '{}',
    '[]',
    '~',
  ],
] as const;

const IDS = ['', 'r2k4m6p8abcd', 'rp-0123456789', 'ab'.repeat(32), 'web', 'm-0123456789', 'disk-os', 'nightly'];

function oddWord(beginnings: readonly string[], random: Random): string {
  let word = pick(beginnings, random);
  for (let change = Math.floor(random() * 4); change > 0; change -= 1) {
    const at = Math.floor(random() * (word.length + 1));
    const cut = random() < 0.3 ? Math.floor(random() * 4) : 0;
    word = word.slice(0, at) + pick(ODD, random) + word.slice(at + cut);
  }
  return random() < 0.03 ? word.repeat(200).slice(0, 20_000) : word;
}

const id = (_: Scene, random: Random): string => oddWord(IDS, random);
const path = ({ paths }: Scene, random: Random): string =>
  random() < 0.5 ? pick(paths, random) : oddWord(paths, random);

/** A file with odd bytes around the secret; now and then another sort of file. */
function passwordFile(scene: Scene, random: Random, run: number): string {
  if (random() < 0.2) return path(scene, random);
  const text = oddWord([SECRET, `${SECRET}\n`, ` ${SECRET} `, `first\n${SECRET}`], random);
  const encodings = ['utf8', 'utf16le', 'latin1'] as const;
  const bytes = Buffer.from(random() < 0.3 ? `\ufeff${text}` : text, pick(encodings, random));
  if (random() < 0.2) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  const file = join(scene.folder, `password-${run % 8}`);
  writeFileSync(file, bytes);
  return file;
}

const one =
  (...words: readonly string[]): Make =>
  (scene, random) => [...words, id(scene, random)];
const adding = (name: string, url: string): string[] => ['repo', 'add', name, '--kind', 'restic', '--url', url];
const capturing = ({ folder, disk, password }: Scene, change: Readonly<Record<string, string>> = {}): string[] => {
  const options = { '--repo': join(folder, 'repo'), '--machine': 'web', '--disk': disk, '--password-file': password };
  return ['capture', ...Object.entries({ ...options, ...change }).flat()];
};

/** Every command that takes an id, a path or a password, as often as it takes one. */
export const TAKERS: Readonly<Record<string, Make>> = {
  show: one('show'),
  watch: one('watch'),
  events: one('events'),
  cancel: one('cancel'),
  resume: one('resume'),
  rollback: one('rollback'),
  approve: one('approve'),
  'token create': one('token', 'create', '--role', 'viewer'),
  'token revoke': one('token', 'revoke'),
  'point show': one('point', 'show'),
  'point list': one('point', 'list'),
  'repo rescan': one('repo', 'rescan'),
  'repo remove': one('repo', 'remove'),
  'azure show': one('azure', 'show'),
  'azure disk-path': one('azure', 'disk-path'),
  'azure faults clear': one('azure', 'faults', 'clear'),
  'plan --point': one('plan', '--to', 'new', '--point'),
  'restore --point': one('restore', '--to', 'new', '--yes', '--point'),
  'repo add NAME': (scene, random) => adding(id(scene, random), scene.folder),
  'repo add --url': (scene, random) => adding('nightly', path(scene, random)),
  'repo add --password-file': (scene, random, run) => [
    ...adding('nightly', scene.folder),
    '--password-file',
    passwordFile(scene, random, run),
  ],
  inspect: (scene, random) => ['inspect', path(scene, random), path(scene, random)],
  'capture --disk': (scene, random) => capturing(scene, { '--disk': path(scene, random) }),
  'capture --repo': (scene, random) => capturing(scene, { '--repo': path(scene, random) }),
  'capture --machine': (scene, random) => capturing(scene, { '--machine': id(scene, random) }),
  'capture --password-file': (scene, random, run) =>
    capturing(scene, { '--password-file': passwordFile(scene, random, run) }),
  'azure create-vm': (scene, random) => [
    ...['azure', 'create-vm', '--name', 'web', '--resource-group', 'rg', '--os-disk'],
    path(scene, random),
  ],
  '--data': (scene, random) => ['restores', '--data', path(scene, random)],
};

const NAMES = Object.keys(TAKERS);

export function callOf(scene: Scene, seed: number, run: number): Call & { readonly taker: string } {
  const taker = NAMES[run % NAMES.length]!;
  const random = seededRandom(seed * 1_000_003 + run);
  const words = TAKERS[taker]!(scene, random, run);
  const data = words.includes('--data') ? [] : ['--data', scene.folder];
  return { taker, words: [...data, ...(random() < 0.3 ? ['--json'] : []), ...words] };
}
