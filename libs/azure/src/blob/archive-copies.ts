import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import type { ArchiveCopies, ArchiveCopy } from '@landfall/domain';
import { asStoreError, troubleOf } from './storage-errors.js';

/*
 * Blobs brought back from the archive tier by Copy Blob with an online tier as its target: the copy is listed at once, as archived
 * and pending, and can be read when Azure is done. What it is a copy of stays archived (Azure Storage, "Blob rehydration").
 */
const TIER = 'Hot';
const PRIORITIES = { standard: 'Standard', high: 'High' } as const;

export class BlobArchiveCopies implements ArchiveCopies {
  readonly #source: ContainerClient;
  /** Empty, or ending in `/`. */
  readonly #root: string;
  readonly #copies: ContainerClient;
  readonly #description: string;
  /** As last listed: Azure copies over no blob that is archived. */
  readonly #failed = new Set<string>();
  #isMade = false;

  constructor(source: ContainerClient, prefix: string, copies: ContainerClient, description: string) {
    this.#source = source;
    this.#root = prefix === '' ? '' : `${prefix}/`;
    this.#copies = copies;
    this.#description = description;
  }

  async list(signal?: AbortSignal): Promise<readonly ArchiveCopy[]> {
    const copies: ArchiveCopy[] = [];
    try {
      for await (const blob of this.#copies.listBlobsFlat({ includeCopy: true, ...withSignal(signal) })) {
        const state = stateOf(blob);
        if (state === 'failed') this.#failed.add(blob.name);
        copies.push({ path: blob.name, sizeBytes: blob.properties.contentLength ?? 0, state });
      }
      return copies;
    } catch (error) {
      if (troubleOf(error).kind === 'missing-container') return [];
      throw asStoreError(error, this.#description, null);
    }
  }

  async begin(path: string, priority: 'standard' | 'high', signal?: AbortSignal): Promise<void> {
    try {
      if (!this.#isMade) await this.#copies.createIfNotExists(withSignal(signal));
      this.#isMade = true;
      if (this.#failed.delete(path)) await this.#copies.getBlobClient(path).deleteIfExists(withSignal(signal));
      const { url } = this.#source.getBlobClient(`${this.#root}${path}`);
      await this.#copies.getBlobClient(path).beginCopyFromURL(url, {
        ...{ tier: TIER, rehydratePriority: PRIORITIES[priority] },
        ...withSignal(signal),
      });
    } catch (error) {
      throw asStoreError(error, this.#description, path);
    }
  }

  async remove(signal?: AbortSignal): Promise<void> {
    try {
      await this.#copies.deleteIfExists(withSignal(signal));
      this.#isMade = false;
    } catch (error) {
      throw asStoreError(error, this.#description, null);
    }
  }
}

/** A copy says success once its bytes are there; while it is still archived they can't be read. */
function stateOf({ properties }: BlobItem): ArchiveCopy['state'] {
  const { copyStatus, accessTier, archiveStatus } = properties;
  if (copyStatus === 'failed' || copyStatus === 'aborted') return 'failed';
  if (copyStatus === 'pending' || archiveStatus !== undefined) return 'pending';
  // Archived and on its way nowhere: somebody has archived the copy itself.
  return accessTier === 'Archive' ? 'failed' : 'there';
}

function withSignal(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
