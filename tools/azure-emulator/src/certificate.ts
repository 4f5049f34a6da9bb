import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/*
 * Azure's clients refuse to send a token over plain HTTP, so the emulator has a certificate authority of its own and a
 * server certificate from it. Both are made once, with the `openssl` program, and kept with the data; a client trusts
 * `ca.pem`, for Node through NODE_EXTRA_CA_CERTS.
 */
export interface Certificate {
  readonly key: Buffer;
  readonly certificate: Buffer;
  readonly caPath: string;
}

const VALID_DAYS = '3650';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function loadCertificate(dataDirectory: string, host: string): Promise<Certificate> {
  const caPath = join(dataDirectory, 'ca.pem');
  const tls = join(dataDirectory, 'tls');
  const ready = join(tls, `ready-for-${host.replace(/[^A-Za-z0-9.]/g, '_')}`);
  if (!existsSync(ready) || !existsSync(caPath)) await make(caPath, tls, host, ready);
  return {
    caPath,
    key: readFileSync(join(tls, 'server.key')),
    certificate: readFileSync(join(tls, 'server.pem')),
  };
}

async function make(caPath: string, tls: string, host: string, ready: string): Promise<void> {
  await rm(tls, { recursive: true, force: true });
  mkdirSync(tls, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(tls, name);
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-days', VALID_DAYS],
    ...['-subj', '/CN=Landfall Azure emulator CA', '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  await openssl('req', ...NEW_KEY, '-keyout', file('server.key'), '-out', file('server.csr'), '-subj', '/CN=localhost');
  writeFileSync(
    file('server.ext'),
    `basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=${alternativeNames(host)}\n`,
  );
  await openssl(
    ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'],
    ...['-days', VALID_DAYS, '-extfile', file('server.ext'), '-out', file('server.pem')],
  );
  renameSync(file('ca.pem'), caPath);
  writeFileSync(ready, '');
}

function alternativeNames(host: string): string {
  const names = ['DNS:localhost', 'IP:127.0.0.1'];
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) names.push(`IP:${host}`);
  else names.push(`DNS:${host}`);
  return [...new Set(names)].join(',');
}

async function openssl(...programArguments: string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', programArguments);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'the program is not installed' : String(error);
    throw new Error(
      `The emulator's certificate could not be made with openssl: ${reason}. Install openssl and start again.`,
      {
        cause: error,
      },
    );
  }
}
