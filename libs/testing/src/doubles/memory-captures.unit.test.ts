import { capturesContract } from '../contracts/captures.js';
import { MemoryCaptures } from './memory-captures.js';

capturesContract('The captures in memory', () =>
  Promise.resolve({ captures: new MemoryCaptures(), dispose: () => Promise.resolve() }),
);
