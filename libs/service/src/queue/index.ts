export * from './leavable-worker.js';
export * from './queue-module.js';
export * from './queue-processor.js';
