export * from './stages.js';
export * from './queues.js';
export * from './mover-protocol.js';
export * from './handler.js';
export * from './claim.js';
