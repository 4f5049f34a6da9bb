import { ExtUnreadable, type ExtLayout, type Inode } from './ext-layout.js';

/*
 * Which blocks an inode's contents lie in: a tree of extents (ext4), or a list with up to three levels of indirection
 * (ext2, ext3). What is not mapped is a hole.
 */
const DEEPEST_EXTENT_TREE = 5;
/** An extent of this many blocks and more is allocated and not written: it reads as zeros. */
const UNWRITTEN_FROM = 32_768;

/** Blocks in a row. */
export interface Run {
  /** `map`: a node of the tree or the list itself. */
  readonly kind: 'data' | 'unwritten' | 'map';
  /** Counted within the file; of a node, the first that it is about. */
  readonly logical: number;
  readonly physical: number;
  readonly blocks: number;
}

/**
 * Of the blocks below `blocks`, counted within the file; a run may reach beyond. A node comes before what it leads to, and is
 * read when its reader goes on.
 * @throws ExtUnreadable where the tree is damaged, or leads in circles
 */
export function runsOf(layout: ExtLayout, inode: Inode, blocks: number): AsyncGenerator<Run> | Generator<Run> {
  if (!inode.extents) return listRuns(layout, inode.block, blocks);
  // Most files need no more than the inode itself has room for.
  if (inode.block.readUInt16LE(6) === 0) return leafRuns(inode.block, blocks);
  // A damaged tree may lead to the same nodes over and over: none has more of them than blocks.
  return treeRuns(layout, inode.block, blocks, DEEPEST_EXTENT_TREE, { nodes: 2 * blocks + 64 });
}

async function* treeRuns(
  layout: ExtLayout,
  node: Buffer,
  blocks: number,
  depthLeft: number,
  left: { nodes: number },
): AsyncGenerator<Run> {
  if (node.readUInt16LE(6) === 0) {
    yield* leafRuns(node, blocks);
    return;
  }
  if (depthLeft === 1) throw new ExtUnreadable('a tree of extents is damaged');
  for (const at of entriesOf(node)) {
    const logical = node.readUInt32LE(at);
    if (logical >= blocks) break;
    const physical = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
    left.nodes -= 1;
    if (left.nodes < 0) throw new ExtUnreadable('a tree of extents leads in circles');
    yield { kind: 'map', logical, physical, blocks: 1 };
    yield* treeRuns(layout, await layout.blockAt(physical), blocks, depthLeft - 1, left);
  }
}

function* leafRuns(node: Buffer, blocks: number): Generator<Run> {
  for (const at of entriesOf(node)) {
    const logical = node.readUInt32LE(at);
    if (logical >= blocks) break;
    const length = node.readUInt16LE(at + 4);
    const physical = node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8);
    if (length > UNWRITTEN_FROM) yield { kind: 'unwritten', logical, physical, blocks: length - UNWRITTEN_FROM };
    else if (length > 0) yield { kind: 'data', logical, physical, blocks: length };
  }
}

function* entriesOf(node: Buffer): Generator<number> {
  const entries = node.readUInt16LE(2);
  if (node.readUInt16LE(0) !== 0xf30a || 12 + entries * 12 > node.length)
    throw new ExtUnreadable('a tree of extents is damaged');
  for (let at = 12; at < 12 + entries * 12; at += 12) yield at;
}

/** Twelve blocks, then one block each of blocks, of blocks of blocks, and so on. */
async function* listRuns(layout: ExtLayout, list: Buffer, blocks: number): AsyncGenerator<Run> {
  for (let logical = 0; logical < Math.min(12, blocks); logical += 1) {
    const physical = list.readUInt32LE(logical * 4);
    if (physical !== 0) yield { kind: 'data', logical, physical, blocks: 1 };
  }
  let first = 12;
  for (let level = 1; level <= 3 && first < blocks; level += 1) {
    yield* indirectRuns(layout, list.readUInt32LE(44 + level * 4), level, first, blocks);
    first += (layout.blockBytes / 4) ** level;
  }
}

async function* indirectRuns(
  layout: ExtLayout,
  block: number,
  level: number,
  first: number,
  blocks: number,
): AsyncGenerator<Run> {
  if (block === 0) return;
  yield { kind: 'map', logical: first, physical: block, blocks: 1 };
  const node = await layout.blockAt(block);
  const each = (layout.blockBytes / 4) ** (level - 1);
  for (let index = 0; index < layout.blockBytes / 4; index += 1) {
    const logical = first + index * each;
    if (logical >= blocks) return;
    const child = node.readUInt32LE(index * 4);
    if (child === 0) continue;
    if (level > 1) yield* indirectRuns(layout, child, level - 1, logical, blocks);
    else yield { kind: 'data', logical, physical: child, blocks: 1 };
  }
}
