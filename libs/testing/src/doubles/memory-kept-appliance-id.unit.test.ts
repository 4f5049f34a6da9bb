import { keptApplianceIdContract } from '../contracts/kept-appliance-id.js';
import { MemoryKeptApplianceId } from './memory-kept-appliance-id.js';

keptApplianceIdContract('The double', async () => {
  const kept = new MemoryKeptApplianceId();
  return {
    ids: [kept, kept],
    async ledgerLists(state) {
      kept.made = state !== 'removed';
    },
    dispose: async () => undefined,
  };
});
