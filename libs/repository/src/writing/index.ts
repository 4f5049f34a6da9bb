export * from './restic-address.js';
export * from './restic-program.js';
