import { accountsContract } from '../contracts/accounts.js';
import { MemoryApiTokens, MemoryAuditLog, MemoryDiskAccesses, MemorySecretBox } from './memory-accounts.js';

const audit = new MemoryAuditLog();

accountsContract('Memory', async () => ({
  tokens: new MemoryApiTokens(() => new Date(), audit),
  audit,
  diskAccesses: new MemoryDiskAccesses(),
  secrets: new MemorySecretBox(),
  restoreId: 'r1',
  disks: ['sda', 'sdb'],
  dispose: async () => undefined,
}));
