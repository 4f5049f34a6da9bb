export * from './inspection.js';
export * from './inspect.js';
export * from './inspect-paths.js';
export { openDisk, type OpenedDisk } from './open-disk.js';
export * from './recipe/compose.js';
export { USUAL_ALLOWANCE, whatLiesIn, type LookOptions } from './occupants/what-lies-in.js';
