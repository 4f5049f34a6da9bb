import { fileStoreContract } from '../contracts/file-store.js';
import { MemoryFileStore, MissingFileStore } from './memory-file-store.js';

fileStoreContract('MemoryFileStore', {
  make: async (files) => ({ store: new MemoryFileStore(files), dispose: async () => undefined }),
  makeMissing: async () => ({ store: new MissingFileStore(), dispose: async () => undefined }),
});
