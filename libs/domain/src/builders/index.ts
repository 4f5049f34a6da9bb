export * from './original.js';
export * from './planning-facts.js';
export * from './restore-plan.js';
export * from './restore-point.js';
export * from './restore-request.js';
export * from './subscription.js';
