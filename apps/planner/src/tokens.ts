/** For Nest's injection of what has no class of its own. */
export const ENVIRONMENT = Symbol('environment');
export const LOGGER = Symbol('logger');
export const METRICS = Symbol('metrics');
export const BOOKS = Symbol('books');
export const CLOUD = Symbol('cloud');
export const BUDGET = Symbol('budget');
