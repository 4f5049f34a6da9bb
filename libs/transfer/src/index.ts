export * from './mover-protocol.js';
export * from './cut.js';
export * from './route.js';
export * from './hand-out.js';
export * from './writers.js';
export * from './claim.js';
