import { accountsContract } from '../contracts/accounts.js';
import { MemoryApiTokens, MemoryAuditLog, MemoryDiskAccesses, MemorySecretBox } from './memory-accounts.js';

accountsContract('Memory', async () => ({
  tokens: new MemoryApiTokens(),
  audit: new MemoryAuditLog(),
  diskAccesses: new MemoryDiskAccesses(),
  secrets: new MemorySecretBox(),
  restoreId: 'r1',
  disks: ['sda', 'sdb'],
  dispose: async () => undefined,
}));
