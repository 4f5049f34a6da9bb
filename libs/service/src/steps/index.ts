export * from './step-processor.js';
export * from './step-service.js';
