export * from './restic-program.js';
