import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import type { HandmadeRepository } from '@landfall/repository/handmade-repository';

/* Files of a repository that no program writes: little of them, or much that compresses well, and much work for a reader. */
const MIB = 1024 * 1024;

const filled = (head: string, again: string, bytes: number, tail: string): Buffer =>
  Buffer.from(head + again.repeat(Math.floor(bytes / again.length)) + tail);

const MANIFEST = '{"schema":"landfall.machine/1","name":"a","kind":"image","disks":[';

export const MANIFESTS: readonly Buffer[] = [
  filled(MANIFEST, '0,', MIB - 100, '0]}'),
  filled(MANIFEST, '{},', MIB - 100, '{}]}'),
  filled(`${MANIFEST}{"file":"a","volumes":[`, '"",', MIB - 200, '0]}]}'),
  filled(`${MANIFEST}],"azure":{"a":[`, '[],', MIB - 200, '[]]}}'),
  filled('', '[', MIB, ''),
  filled('', '{"a":', MIB, ''),
  Buffer.alloc(MIB + 1, ' '),
];

/** scrypt's parameters at and beyond what is allowed, and shapes of them that OpenSSL refuses by itself. */
export function keyFiles(made: HandmadeRepository, password: string): readonly Buffer[] {
  const shapes = [
    { N: 2 ** 20, r: 1, p: 1 },
    { N: 2 ** 16, r: 1, p: 1 },
    { N: 2 ** 20, r: 1, p: 16 },
    { N: 2 ** 14, r: 64, p: 16 },
    { N: 2 ** 17, r: 8, p: 16 },
    { N: 2 ** 20, r: 64, p: 16 },
    { N: 2, r: 64, p: 16 },
  ];
  return shapes.map((shape) => {
    const name = made.addKey(password, shape);
    const bytes = made.files[`keys/${name}`]!;
    delete made.files[`keys/${name}`];
    return bytes;
  });
}

const ID = 'ab'.repeat(32);
const BLOB = `{"id":"${ID}","type":"data","offset":0,"length":4096}`;

export const INDEXES: readonly Buffer[] = [
  filled('', '[', 8 * MIB, ''),
  filled('{"a":', '[', 8 * MIB, ''),
  filled('{"packs":[', '{},', 8 * MIB, '{}]}'),
  filled('{"supersedes":["', 'x', 8 * MIB, '"]}'),
  filled('{"supersedes":["', '\\\\', 8 * MIB, '"]}'),
  filled(`{"packs":[{"id":"${ID}","blobs":[`, `${BLOB},`, 8 * MIB, `${BLOB}]}]}`),
  filled('{"packs":[', `{"id":"${ID}","blobs":[]},`, 8 * MIB, `{"id":"${ID}","blobs":[${BLOB}]}]}`),
  Buffer.alloc(32 * MIB, ' '),
];

export function snapshots(tree: string): readonly Buffer[] {
  const head = `{"time":"2026-03-04T05:06:07Z","tree":"${tree}",`;
  const tags = Array.from({ length: 20_000 }, (_, index) => `"landfall-point=${index}"`).join(',');
  return [
    filled(`${head}"paths":[`, '0,', 7.9 * MIB, '0]}'),
    filled(`${head}"paths":[`, '"",', 7.9 * MIB, '""]}'),
    filled(`${head}"paths":[`, '[],', 7.9 * MIB, '[]]}'),
    filled(`${head}"a":`, '[', 7.9 * MIB, ''),
    filled(`${head}"a":[`, '{},', 7.9 * MIB, '0]}'),
    filled(`${head}"hostname":"`, 'x', 7.9 * MIB, '"}'),
    Buffer.from(`${head}"paths":["/srv"],"tags":[${tags}]}`),
  ];
}

export const TREES: readonly Buffer[] = [
  // Names that have to be told apart, and what a manifest is looked up in.
  filled('{"nodes":[', '{"name":"a.raw","type":"file"},', 4 * MIB, '{"name":"b.raw","type":"file"}]}'),
  filled('{"nodes":[', '{"name":"machine.json","type":"file"},', 2 * MIB, '{"name":"b.raw","type":"file"}]}'),
  filled('{"nodes":[', '{},', 8 * MIB, '{}]}'),
  filled('{"nodes":[{"name":"', '\\\\u0041', 8 * MIB, '","type":"file"}]}'),
  filled('{"nodes":[{"name":"', 'x', 8 * MIB, '.raw","type":"file"}]}'),
  filled('{"nodes":', '[', 8 * MIB, ''),
];

export const FRAMES: readonly Buffer[] = [
  zstdCompressSync(Buffer.alloc(100 * MIB)),
  Buffer.concat([zstdCompressSync(Buffer.alloc(1_000)), zstdCompressSync(Buffer.alloc(1_000))]),
  createHash('sha256').update('no frame').digest(),
  Buffer.alloc(0),
];
