export * from './cloud.js';
export * from './disks.js';
export * from './groups.js';
export * from './journal.js';
export * from './machines.js';
export * from './network.js';
export * from './owned.js';
export * from './reader.js';
