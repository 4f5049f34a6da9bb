import type { ByteReader } from '@landfall/domain';

/** A stretch of a disk whose content is to be told, with what of it was read already. */
export interface Region {
  readonly reader: ByteReader;
  /** The first bytes, as far out as superblocks lie, or as many as there are. */
  readonly head: Buffer;
  /** At the places where a RAID superblock may be near the end. */
  readonly tails: readonly { readonly offset: number; readonly bytes: Buffer }[];
}

/** Whether the bytes at `offset` are this text. */
export function hasText(bytes: Buffer, offset: number, text: string): boolean {
  return offset + text.length <= bytes.length && bytes.toString('latin1', offset, offset + text.length) === text;
}
