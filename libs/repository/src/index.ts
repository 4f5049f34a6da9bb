export { openRepository, type OpenRepository } from './open.js';
export { OpenRepositories, type RepositoryAccounts } from './open-repositories.js';
export { LendingCache } from './lending-cache.js';
export { FolderFileStore } from './folder/folder-file-store.js';
export { RetrievedFileStore } from './retrieved-file-store.js';
export { retryingFileStore, type RetryPolicy } from './retrying-file-store.js';
export * from './manifest.js';
