import { zstdCompressSync } from 'node:zlib';
import { parseManifest } from '@landfall/repository';
import { HANDMADE_PASSWORD, type HandmadeRepository } from '@landfall/repository/handmade-repository';
import type { Fuzzed, Target } from '../target.js';
import { faultsOfMessage } from '../judge.js';
import * as hostile from './repository-hostile.js';
import {
  DISKS,
  handmade,
  MANIFEST,
  readRepository,
  sha256,
  wholeRepository,
  withFile,
  type Files,
} from './repository-scene.js';

/*
 * The files of a restic repository, below its encryption: what is changed is sealed and named again, so that it gets to the
 * parser. Packs have headers, too, but the product reads none: it takes the index for them.
 */
const REFUSALS = [
  'REPOSITORY_DAMAGED',
  'REPOSITORY_LIMIT',
  'REPOSITORY_NOT_FOUND',
  'REPOSITORY_PASSWORD_WRONG',
  'REPOSITORY_VERSION',
  'PACK_MISSING',
  'BLOB_CORRUPT',
  'IMAGE_NOT_FOUND',
];

/** One file of a whole repository, replaced. */
function file(
  inputs: readonly Buffer[],
  place: (input: Buffer, made: HandmadeRepository) => Files,
  more: Partial<Pick<Fuzzed, 'hostile' | 'mostMs'>> = {},
): Fuzzed {
  const repository = wholeRepository();
  const read: Fuzzed['read'] = (input) => readRepository(place(input, repository), { genuine: true });
  return { kind: 'text', inputs, refusals: REFUSALS, read, ...more };
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const manifest = (): Fuzzed => ({
  kind: 'text',
  inputs: [json(MANIFEST), json({ schema: MANIFEST.schema, name: 'a', kind: 'image', disks: [] })],
  hostile: hostile.MANIFESTS,
  refusals: [],
  read: async (input) => {
    const parsed = parseManifest(input);
    return { accepted: parsed.ok, faults: parsed.ok ? [] : faultsOfMessage(parsed.why) };
  },
});

const config = (): Fuzzed =>
  file([json({ version: 2, id: '0'.repeat(64), chunker_polynomial: '25b468838dcb75' })], (input, made) => ({
    ...made.files,
    config: made.seal(input),
  }));

const keyFile = (): Fuzzed => {
  const made = wholeRepository();
  const keys = Object.entries(made.files).filter(([path]) => path.startsWith('keys/'));
  return file(
    keys.map(([, bytes]) => bytes),
    (input, repository) => withFile(repository.files, 'keys', input),
    // Trying a password is meant to take time; a key of restic's takes half a second of its machine.
    { hostile: hostile.keyFiles(made, HANDMADE_PASSWORD), mostMs: 3_000 },
  );
};

const index = (): Fuzzed => {
  const { packs } = wholeRepository();
  return file(
    [json({ packs }), json({ supersedes: ['ab'.repeat(32)], packs: [...packs, { id: 'cd'.repeat(32), blobs: [] }] })],
    (input, made) => withFile(made.files, 'index', made.seal(compressed(input))),
    { hostile: hostile.INDEXES },
  );
};

const snapshot = (): Fuzzed => {
  const tree = treeOf(wholeRepository());
  const times = { time: '2026-03-04T05:06:07.123456789+01:00', tree, hostname: 'host1', username: 'root' };
  return file(
    [
      json({ ...times, tags: ['landfall-point=p1'], paths: ['/srv'] }),
      json({ ...times, tags: null, paths: ['/srv', '/var'], excludes: ['*.tmp'], program_version: 'restic 0.16.4' }),
    ],
    (input, repository) => withFile(repository.files, 'snapshots', repository.seal(compressed(input))),
    { hostile: hostile.snapshots(tree) },
  );
};

/** The root tree, whose id the snapshot and the index then have. */
const tree = (): Fuzzed => {
  const nodes = nodesOf(handmade());
  const folder = { name: 'folder', type: 'dir', mode: 2_147_484_141, subtree: '12'.repeat(32) };
  return {
    kind: 'text',
    inputs: [json({ nodes }), json({ nodes: nodes.slice(0, 1) })],
    hostile: [json({ nodes: [...nodes, folder] }), ...hostile.TREES],
    refusals: REFUSALS,
    read: (input) => {
      const made = handmade();
      nodesOf(made);
      const root = made.addBlob('tree', input);
      made.writePack();
      made.writeSnapshot({ time: '2026-03-04T05:06:07Z', tree: root, paths: ['/srv'], hostname: 'host1' });
      made.writeIndex();
      return readRepository(made.files, { genuine: false });
    },
  };
};

/** The zstd frames of an index file and of a blob of data: what comes out is checked, and bounded. */
const frames = (): Fuzzed => {
  const contents = Buffer.concat(Object.values(DISKS));
  const plainIndex = json({ packs: wholeRepository().packs });
  return {
    kind: 'bytes',
    inputs: [zstdCompressSync(contents), zstdCompressSync(plainIndex)],
    hostile: hostile.FRAMES,
    refusals: REFUSALS,
    read: (input, origin) => {
      const made = origin === 0 ? withFrame(input, contents) : wholeRepository();
      const sealed = made.seal(Buffer.concat([Buffer.from([2]), input]));
      const files = origin === 0 ? made.files : withFile(made.files, 'index', sealed);
      return readRepository(files, { genuine: origin !== 0 });
    },
  };
};

/** Files as they lie in the store, sealed; a changed one has another name, so that only the seal or a hash is in the way. */
const sealedFiles = (): Fuzzed => {
  const made = wholeRepository();
  const paths = Object.keys(made.files);
  return {
    kind: 'bytes',
    inputs: Object.values(made.files),
    refusals: REFUSALS,
    read: (input, origin) => {
      const path = paths[origin]!;
      const [directory = ''] = path.split('/');
      const named = ['index', 'keys', 'snapshots'].includes(directory);
      const files = named ? withFile(made.files, directory, input) : { ...made.files, [path]: input };
      return readRepository(files, { genuine: true });
    },
  };
};

export const REPOSITORY_TARGETS: readonly Target[] = [
  { name: 'manifest', share: 16, make: manifest },
  { name: 'config', share: 4, make: config },
  { name: 'key-file', share: 5, make: keyFile },
  { name: 'index', share: 12, make: index },
  { name: 'snapshot', share: 7, make: snapshot },
  { name: 'tree', share: 10, make: tree },
  { name: 'zstd-frames', share: 5, make: frames },
  { name: 'sealed-files', share: 7, make: sealedFiles },
];

const LARGE_BYTES = 256 * 1024;

function compressed(plain: Buffer): Buffer {
  // Some bare, as version 1 writes them: both ways get their share. Sealing a large one would take longer than reading it.
  return plain.length % 2 === 0 && plain.length < LARGE_BYTES
    ? plain
    : Buffer.concat([Buffer.from([2]), zstdCompressSync(plain)]);
}

function treeOf({ packs }: HandmadeRepository): string {
  return packs.flatMap(({ blobs }) => blobs).find((blob) => blob.type === 'tree')!.id;
}

/** Puts the disks into the open pack. @returns the nodes that a tree has for them */
function nodesOf(made: HandmadeRepository): readonly object[] {
  return Object.entries(DISKS).map(([name, bytes]) => {
    const content: string[] = [];
    for (let at = 0; at < bytes.length; at += 512) content.push(made.addBlob('data', bytes.subarray(at, at + 512)));
    return { name, type: 'file', mode: 420, size: bytes.length, content, uid: 0, mtime: '2026-03-04T05:06:07Z' };
  });
}

/** A repository with one disk of one blob, whose compressed form is `frame`. */
function withFrame(frame: Buffer, contents: Buffer): HandmadeRepository {
  const made = handmade();
  const id = sha256(contents);
  made.addBlob('data', frame, { id, compress: false });
  made.addTree([{ name: 'sda.raw', type: 'file', size: contents.length, content: [id] }]);
  made.writePack();
  const [pack] = made.packs;
  const blobs = pack!.blobs.map((blob) => (blob.id === id ? { ...blob, uncompressed_length: contents.length } : blob));
  made.writeIndex({ packs: [{ ...pack!, blobs }] });
  made.writeSnapshot({ time: '2026-03-04T05:06:07Z', tree: treeOf(made), paths: ['/sda.raw'], hostname: 'host1' });
  return made;
}
