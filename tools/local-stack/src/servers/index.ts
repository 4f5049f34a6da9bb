export * from './server.js';
export * from './ports.js';
export * from './postgres.js';
export * from './redis.js';
export * from './azurite.js';
