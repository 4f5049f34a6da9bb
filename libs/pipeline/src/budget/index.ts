export type { BucketLimit, BudgetLimits } from './limits.js';
export type { BudgetObserver } from './waiting-budget.js';
export { LocalRequestBudget } from './local-budget.js';
export { RedisRequestBudget, type RedisBudgetOptions } from './redis-budget.js';
export { duringCleanUp } from './clean-up-share.js';
