export { type Exchange } from './arm/recorder.js';
export { startEmulator, type Emulator, type EmulatorOptions } from './emulator.js';
export { FaultControl, type EmulatorAddress } from './faults/control.js';
export { FAULT_KINDS, type Fault, type FaultKind, type FaultWish } from './faults/fault.js';
export type { HypervisorKind } from './hypervisor/open-hypervisor.js';
export { firstDifference } from './inspection/first-difference.js';
export { PROFILE_NAMES, type ProfileName } from './settings/profiles.js';
export { SEED, seedIds, type SeedIds } from './seed.js';
export { trustEmulator } from './trust.js';
