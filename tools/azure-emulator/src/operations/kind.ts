import type { Azure } from '../azure.js';
import type { Kind } from './engine.js';

/** A kind of long-running operation of this Azure. */
export type OperationKind<Input> = Kind<Input, Azure>;
