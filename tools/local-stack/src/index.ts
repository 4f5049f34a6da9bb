export { findQemu } from '@landfall/azure-emulator/hypervisor';
export { lockHolder, lockIsStale } from './lock.js';
export { isAlive, type ProcessIdentity } from './process-identity.js';
export { leftOverProcesses } from './process-record.js';
export { startStack, stopStack, type StartedStack, type StartOptions } from './start-stack.js';
