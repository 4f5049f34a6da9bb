import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { accepts, type ServerSpec } from './server.js';

export interface AzuriteOptions {
  readonly dataDirectory: string;
  readonly port: number;
}

/** The account that Azurite always has; published by Microsoft, a secret nowhere. */
export const AZURITE_ACCOUNT = {
  name: 'devstoreaccount1',
  key: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
} as const;

/** Blob storage only. */
export function azurite(options: AzuriteOptions): ServerSpec {
  const main = join(dirname(createRequire(import.meta.url).resolve('azurite/package.json')), 'dist/src/blob/main.js');
  return {
    name: 'azurite',
    command: process.execPath,
    args: [
      ...[main, '--silent', '--blobHost', '127.0.0.1', '--blobPort', String(options.port)],
      ...['--location', options.dataDirectory, '--skipApiVersionCheck', '--disableTelemetry'],
    ],
    env: { PATH: process.env.PATH },
    port: options.port,
    url: `http://127.0.0.1:${options.port}`,
    stopSignal: 'SIGTERM',
    ready: () => accepts(options.port),
  };
}
