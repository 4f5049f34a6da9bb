/** What is injected by name, because interfaces do not exist at run time. */
export const ENVIRONMENT = Symbol('environment');
/** pino's. */
export const LOGGER = Symbol('logger');
export const METRICS = Symbol('metrics');
export const BOOKS = Symbol('books');
export const BUDGET = Symbol('budget');
export const CLOUD = Symbol('cloud');
/** The value of the tag on everything that this installation makes in Azure: a string. */
export const APPLIANCE_ID = Symbol('appliance id');
