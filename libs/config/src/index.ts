export { Secret } from '@landfall/domain';
export * from './environment.js';
export * from './programs.js';
export * from './settings.js';
