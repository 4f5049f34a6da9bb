import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { SparseImage } from './disk-image.js';

/** A disk image that was made by ordinary tools, and what those tools said of it. */
export interface RecordedImage<Facts> {
  readonly name: string;
  readonly facts: Facts;
  /** A fresh copy, to be changed at will. */
  image(): SparseImage;
}

const SECTOR = 512;

/**
 * Reads a file of recorded images: JSON, by name `{ sizeBytes, sectors, …facts }`, where `sectors` is base64 of deflated
 * records of a sector's number (32 bits, little-endian) and its 512 bytes. `Facts` is what the caller knows to be there.
 */
export function readRecordedImages<Facts>(file: URL): ReadonlyMap<string, RecordedImage<Facts>> {
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    Facts & { readonly sizeBytes: number; readonly sectors: string }
  >;
  return new Map(
    Object.entries(recorded).map(([name, facts]) => {
      const image = (): SparseImage => {
        const made = new SparseImage(facts.sizeBytes);
        const records = inflateRawSync(Buffer.from(facts.sectors, 'base64'));
        for (let at = 0; at < records.length; at += 4 + SECTOR) {
          made.write(records.readUInt32LE(at) * SECTOR, records.subarray(at + 4, at + 4 + SECTOR));
        }
        return made;
      };
      return [name, { name, facts, image }];
    }),
  );
}
