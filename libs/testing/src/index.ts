export * from './contracts/file-store.js';
export * from './doubles/memory-file-store.js';
export * from './contracts/disk-target.js';
export * from './doubles/memory-disk-target.js';
export * from './doubles/memory-disk-source.js';
export * from './doubles/memory-accounts.js';
