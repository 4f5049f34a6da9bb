import { printable, type ByteRange, type ByteReader, type NotNamed } from '@landfall/domain';
import { AllowanceSpent, type Care } from '../occupants/careful-reader.js';
import { Claims, type Occupants } from '../occupants/claims.js';
import { readHead } from '../readers.js';
import { FatFileSystem, readFatGeometry, type FatEntry, type FatGeometry } from './fat.js';

/*
 * To which files some ranges of a FAT file system belong: the FAT says which clusters are free, and the files are followed
 * from the root downwards, until each cluster has its owner.
 */
/** A directory has at most 65,536 entries. */
const LONGEST_DIRECTORY_BYTES = 2 * 1024 * 1024;
/** The least that a sector can have. */
const UNIT_BYTES = 512;

export async function fatOccupants(
  region: ByteReader,
  ranges: readonly ByteRange[],
  care: Care,
): Promise<readonly Occupants[]> {
  const claims = new Claims(ranges, UNIT_BYTES);
  const paths: string[] = [];
  let trouble: NotNamed | null = null;
  try {
    const geometry = readFatGeometry(await readHead(region, 512), region.sizeBytes);
    if (geometry !== null) await new FatSearch(region, geometry, claims, paths, care).run();
  } catch (error) {
    if (!(error instanceof AllowanceSpent)) throw error;
    trouble = 'too-much';
  }
  return claims.occupants((owner) => paths[owner] ?? null, trouble);
}

class FatSearch {
  readonly #fat: FatFileSystem;
  readonly #foldersSeen = new Set<number>();

  constructor(
    private readonly region: ByteReader,
    private readonly geometry: FatGeometry,
    private readonly claims: Claims,
    /** Of files and folders that were met, by the number under which they claim. */
    private readonly paths: string[],
    private readonly care: Care,
  ) {
    this.#fat = new FatFileSystem(region, geometry, LONGEST_DIRECTORY_BYTES);
  }

  async run(): Promise<void> {
    const { dataByte, clusters, clusterBytes, rootCluster } = this.geometry;
    this.claims.structure(0, dataByte / UNIT_BYTES);
    const end = (dataByte + clusters * clusterBytes) / UNIT_BYTES;
    this.claims.free(end, Math.ceil(this.region.sizeBytes / UNIT_BYTES));
    await this.#claimFree();
    if (rootCluster !== 0) await this.#claimChain('/', rootCluster, LONGEST_DIRECTORY_BYTES);
    await this.#claimFiles();
  }

  async #claimFree(): Promise<void> {
    const { dataByte, clusters, clusterBytes } = this.geometry;
    const perCluster = clusterBytes / UNIT_BYTES;
    const start = dataByte / UNIT_BYTES;
    for (const { first, count } of this.claims.reaching(start, clusters * perCluster)) {
      const clusterOf = (unit: number): number => Math.floor((unit - start) / perCluster);
      const free: number[] = [];
      const damagedBefore = this.care.damaged;
      for (let cluster = clusterOf(first); cluster <= clusterOf(first + count - 1); cluster += 1) {
        await this.care.spend();
        if (await this.#fat.isFree(cluster + 2)) free.push(cluster);
      }
      // What can't be read of the FAT reads as zeros, which would say that all is free.
      if (this.care.damaged > damagedBefore) continue;
      for (const cluster of free) this.claims.free(start + cluster * perCluster, perCluster);
    }
  }

  async #claimFiles(): Promise<void> {
    const folders: { readonly path: string; readonly entries: () => Promise<readonly FatEntry[]> }[] = [
      { path: '', entries: () => this.#fat.root() },
    ];
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      for (const entry of await folder.entries()) {
        if (this.claims.open === 0) return;
        const path = `${folder.path}/${printable(entry.name.toWellFormed())}`;
        if (!entry.directory) {
          await this.#claimChain(path, entry.firstCluster, entry.sizeBytes);
        } else if (!this.#foldersSeen.has(entry.firstCluster)) {
          this.#foldersSeen.add(entry.firstCluster);
          await this.#claimChain(`${path}/`, entry.firstCluster, LONGEST_DIRECTORY_BYTES);
          folders.push({ path, entries: () => this.#fat.below(entry) });
        }
      }
    }
  }

  async #claimChain(path: string, firstCluster: number, bytes: number): Promise<void> {
    const { dataByte, clusterBytes } = this.geometry;
    const perCluster = clusterBytes / UNIT_BYTES;
    const owner = this.paths.length;
    let reached = false;
    await this.care.spend();
    for await (const cluster of this.#fat.chain(firstCluster, Math.ceil(bytes / clusterBytes))) {
      await this.care.spend();
      if (this.claims.file(owner, dataByte / UNIT_BYTES + (cluster - 2) * perCluster, perCluster)) reached = true;
    }
    // Files are met by the hundred thousand: those that have nothing of the ranges are forgotten.
    if (reached) this.paths.push(path);
  }
}
