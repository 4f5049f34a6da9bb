export { startEmulator, type Emulator, type EmulatorOptions } from './emulator.js';
export { SEED, seedIds, type SeedIds } from './seed.js';
export { trustEmulator } from './trust.js';
