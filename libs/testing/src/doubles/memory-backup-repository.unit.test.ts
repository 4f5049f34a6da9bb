import { backupRepositoryContract } from '../contracts/backup-repository.js';
import { MemoryBackupRepository } from './memory-backup-repository.js';

backupRepositoryContract('MemoryBackupRepository', {
  unknownLocation: 'other:disk',
  make: async (disks) => {
    const repository = new MemoryBackupRepository();
    repository.addPoint('point', disks);
    return { repository, dispose: () => repository.close() };
  },
});
