export * from './inspection.js';
export * from './inspect.js';
export * from './inspect-paths.js';
export * from './recipe/compose.js';
