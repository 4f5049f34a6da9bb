import { startWithSteadyMemory } from '@landfall/repository/steady-memory';

// Before anything else is loaded: it may start the process anew.
startWithSteadyMemory();
await import('./run.js');
