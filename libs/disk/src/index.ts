export * from './inspection.js';
export * from './inspect.js';
export * from './inspect-paths.js';
