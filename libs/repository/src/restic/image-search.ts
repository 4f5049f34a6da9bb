import { MANIFEST_FILE } from '../manifest.js';
import { plainName } from './quoted-name.js';
import type { Snapshot } from './snapshots.js';
import { readTreeNodes, type TreeNode } from './tree.js';
import type { Trees } from './trees.js';

/*
 * Looks through a snapshot's directories, level by level, for disk images and manifests. A snapshot may be that of a
 * file server with millions of files: the search stops at its bounds and says so.
 */
const MOST_DIRECTORIES = 20_000;
const MOST_NODES = 2_000_000;
const MOST_IMAGES = 1_000;
/** Of a directory's files that are no images, as many are kept as a manifest could name. */
const MOST_BESIDE = 1_000;

const IMAGE_NAME = /\.(?:raw|img)$/i;

export interface FoundFile {
  /** Quoted names, outermost first. */
  readonly path: readonly string[];
  /** The last of them, for people. */
  readonly name: string;
  readonly sizeBytes: number;
}

export interface SearchResult {
  /** Files named as disk images are. */
  readonly images: readonly FoundFile[];
  /** Each `machine.json`, with the files beside it. */
  readonly manifests: readonly { readonly manifest: FoundFile; readonly beside: readonly FoundFile[] }[];
  /** Regular files in the topmost directory. */
  readonly rootFiles: readonly FoundFile[];
  /** The file that is all that the snapshot holds, at the top or below directories that hold nothing else. */
  readonly loneFile: FoundFile | null;
  /** False where the bounds were reached. */
  readonly complete: boolean;
}

interface Directory {
  readonly path: readonly string[];
  readonly tree: Buffer;
}

/** @throws PermanentError as `Trees.withTree` */
export async function searchImages(trees: Trees, snapshot: Snapshot, signal?: AbortSignal): Promise<SearchResult> {
  const result = {
    images: [] as FoundFile[],
    manifests: [] as { manifest: FoundFile; beside: FoundFile[] }[],
    rootFiles: [] as FoundFile[],
    loneFile: null as FoundFile | null,
    complete: true,
  };
  const directories: Directory[] = [{ path: [], tree: snapshot.tree }];
  let nodesSeen = 0;
  let isLone = true;
  let lastFile: FoundFile | null = null;
  for (let at = 0; at < directories.length; at += 1) {
    const directory = directories[at]!;
    const files: FoundFile[] = [];
    let seen = 0;
    const onNode = (node: TreeNode) => {
      nodesSeen += 1;
      // What was sent to restic's standard input is a file at a path of its own; one that lay there is a file of many.
      isLone &&= directory.path.length === 0 || node.fromInput;
      seen += 1;
      const path = [...directory.path, node.quotedName];
      if (node.type === 'file') {
        const name = plainName(node.quotedName);
        if (files.length < (isWanted(name) ? MOST_IMAGES : MOST_BESIDE)) {
          files.push({ path, name, sizeBytes: node.sizeBytes });
        } else if (isWanted(name)) result.complete = false;
        return;
      }
      if (node.type !== 'dir' || node.subtree === null) return;
      if (directories.length < MOST_DIRECTORIES) directories.push({ path, tree: node.subtree });
      else result.complete = false;
    };
    const describe = `snapshot ${snapshot.id}`;
    await trees.withTree(
      directory.tree,
      describe,
      (plain) => readTreeNodes(plain, `tree of ${describe}`, onNode),
      signal,
    );
    lastFile = files.at(-1) ?? lastFile;
    collect(files, result);
    if (at === 0) {
      result.rootFiles = files;
    }
    isLone &&= seen === 1;
    if (nodesSeen > MOST_NODES || result.images.length > MOST_IMAGES) {
      result.complete = false;
      break;
    }
  }
  if (isLone && result.complete) result.loneFile = lastFile;
  return result;
}

function isWanted(name: string): boolean {
  return name === MANIFEST_FILE || IMAGE_NAME.test(name);
}

function collect(
  files: FoundFile[],
  result: { images: FoundFile[]; manifests: { manifest: FoundFile; beside: FoundFile[] }[] },
): void {
  for (const file of files) {
    if (IMAGE_NAME.test(file.name)) result.images.push(file);
    if (file.name === MANIFEST_FILE) {
      result.manifests.push({ manifest: file, beside: files.filter((other) => other !== file) });
    }
  }
}
