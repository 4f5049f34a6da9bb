export { findQemu } from '@landfall/azure-emulator/hypervisor';
export { lockHolder, lockIsStale } from './lock.js';
export { isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';
export { leftOverProcesses } from './process-record.js';
export { startStack, stopStack, type StartedStack, type StartOptions } from './start-stack.js';
