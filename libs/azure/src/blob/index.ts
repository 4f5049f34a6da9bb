export {
  mintContainerReadSas,
  openArchiveCopies,
  openBlobStore,
  openGrantedBlobStore,
  type BlobAccounts,
} from './accounts.js';
export { BlobFileStore } from './blob-file-store.js';
export { parseBlobUrl, type BlobLocation } from './location.js';
export { PageBlobSource } from './page-blob-source.js';
export { PageBlobTarget } from './page-blob-target.js';
export { VHD_FOOTER_BYTES, vhdFooter } from './vhd-footer.js';
