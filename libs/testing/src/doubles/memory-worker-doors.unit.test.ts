import { workerDoorsContract } from '../contracts/worker-doors.js';
import { MemoryWorkerDoors } from './memory-worker-doors.js';

workerDoorsContract('MemoryWorkerDoors', async () => {
  const doors = new MemoryWorkerDoors();
  return {
    doors,
    open: async (workerId) => void doors.open.add(workerId),
    dispose: async () => undefined,
  };
});
