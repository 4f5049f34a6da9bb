import { requestBudgetContract } from '@landfall/testing/contracts';
import { duringCleanUp } from './clean-up-share.js';
import { LocalRequestBudget } from './local-budget.js';

requestBudgetContract('The budget of one process', async (limits) => {
  const budget = new LocalRequestBudget(limits);
  return { sides: [budget, budget], cleaningUp: duringCleanUp, dispose: () => budget.close() };
});
