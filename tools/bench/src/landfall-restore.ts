import { startWithSteadyMemory } from '@landfall/repository/steady-memory';

// As the data-mover does it.
startWithSteadyMemory();
await import('./restore-disk.js');
