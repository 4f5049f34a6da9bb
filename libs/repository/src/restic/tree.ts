import { ID_BYTES } from './blob-index.js';
import { repositoryDamaged } from './errors.js';
import { JsonFault, JsonScanner } from './json-scanner.js';

/*
 * A tree is the JSON of one directory: { "nodes": [{ "name", "type", "size", "content": [data blob ids], "subtree" }] }.
 * Only what a disk image needs is read. The list of blobs, which can be very long, is left where it is: a node knows
 * the byte at which it begins.
 */
export interface TreeNode {
  /** As it is written in the tree, see quoted-name.ts. */
  readonly quotedName: string;
  /** `file`, `dir`, `symlink`, `dev`, … */
  readonly type: string;
  readonly sizeBytes: number;
  /** Of the tree below, for a directory; 32 bytes. */
  readonly subtree: Buffer | null;
  /** Where the list of blobs begins in the tree's bytes, for a file. */
  readonly contentAt: number | null;
  /** It has no number in any file system: restic has made it of its standard input. */
  readonly fromInput: boolean;
}

/** In characters, quoted: file systems stop at 255, and each of them may be written with ten. */
const LONGEST_NAME = 4_096;

/** @throws PermanentError `REPOSITORY_DAMAGED` naming `what` */
export function readTreeNodes(plain: Buffer, what: string, onNode: (node: TreeNode) => void): void {
  guard(what, () => {
    const scanner = new JsonScanner(plain);
    scanner.object((key) => {
      if (key === 'nodes') scanner.array(() => onNode(readNode(scanner)));
      else scanner.skip();
    });
    scanner.end();
  });
}

/**
 * The ids of a file's blobs, in order. `onId` gets the same memory each time.
 * @throws PermanentError `REPOSITORY_DAMAGED` naming `what`
 */
export function readContent(plain: Buffer, contentAt: number, what: string, onId: (id: Buffer) => void): void {
  guard(what, () => {
    const scanner = new JsonScanner(plain, contentAt);
    const id = Buffer.alloc(ID_BYTES);
    scanner.array(() => {
      scanner.id(id, 0);
      onId(id);
    });
  });
}

function readNode(scanner: JsonScanner): TreeNode {
  let quotedName: string | undefined;
  let type: string | undefined;
  let sizeBytes = 0;
  let subtree: Buffer | null = null;
  let contentAt: number | null = null;
  let fromInput = true;
  scanner.object((key) => {
    if (key === 'name') quotedName = scanner.string();
    else if (key === 'type') type = scanner.string();
    else if (key === 'size') sizeBytes = scanner.count();
    else if (key === 'inode') {
      fromInput = false;
      scanner.skip();
    } else if (key === 'subtree' && !scanner.takeNull()) {
      subtree = Buffer.alloc(ID_BYTES);
      scanner.id(subtree, 0);
    } else if (key === 'content') {
      contentAt = scanner.position;
      scanner.skip();
    } else if (key !== 'subtree') scanner.skip();
  });
  if (quotedName !== undefined && quotedName.length > LONGEST_NAME)
    throw new JsonFault('a name is longer than any file has');
  if (quotedName === undefined || type === undefined) throw new JsonFault('a node lacks its name or type');
  return { quotedName, type, sizeBytes, subtree, contentAt, fromInput };
}

function guard(what: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (error instanceof JsonFault) throw repositoryDamaged(what, error.message, error);
    throw error;
  }
}
