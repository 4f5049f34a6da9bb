/** What a stack is made of, for tools that put one together differently. */
export { Balancer } from './balancer.js';
export { kindOfProcess, openInstallation, type Installation, type PortName } from './installation.js';
export { migrate } from './migration.js';
export { identify, isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';
export { endLeftOverProcesses } from './process-record.js';
export { azureEmulator, caPath, services, type Scale, type StackAddresses } from './services.js';
export { SupervisedProcess } from './supervised-process.js';
