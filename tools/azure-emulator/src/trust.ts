import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/**
 * Makes this process trust an emulator that it has started itself; another process is given the same file in
 * NODE_EXTRA_CA_CERTS before it starts.
 */
export function trustEmulator(emulator: { readonly caPath: string }): void {
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(emulator.caPath, 'utf8')]);
}
