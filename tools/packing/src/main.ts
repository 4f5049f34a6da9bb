import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programOf } from '@landfall/config';
import { pack } from './pack.js';

/*
 * Packs what is started as a process of its own, from what `tsc -b` has built, into the folder that `programOf` names.
 */
const workspace = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAMS = ['api', 'planner', 'provisioner', 'finalizer', 'data-mover'];

const entries = Object.fromEntries(PROGRAMS.map((name) => [name, join(workspace, 'apps', name, 'dist/main.js')]));
await pack(entries, dirname(programOf('api')));
