import { leasesContract } from '../contracts/leases.js';
import { MemoryLeases } from './memory-leases.js';

leasesContract('The double', async () => ({ leases: new MemoryLeases(), dispose: async () => undefined }));
