export * from './host.js';
export * from './log.js';
export * from './queue/index.js';
export * from './tokens.js';
