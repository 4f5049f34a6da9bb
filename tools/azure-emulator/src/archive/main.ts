import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startRehydrationProxy } from './proxy.js';

/*
 * node dist/archive/main.js --data DIR --upstream http://127.0.0.1:PORT [--port N]
 *
 * Ends on SIGTERM or SIGINT; what is pending stays so on disk.
 */
const ENVIRONMENT = z.object({
  ARCHIVE_ACCOUNT: z.string().min(1),
  /** Base64. */
  ARCHIVE_ACCOUNT_KEY: z.base64(),
});

try {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, upstream: { type: 'string' }, port: { type: 'string', default: '0' } },
  });
  if (values.data === undefined || values.upstream === undefined) throw new Error('--data and --upstream are needed.');
  const environment = ENVIRONMENT.parse(process.env);
  const proxy = await startRehydrationProxy({
    dataDirectory: values.data,
    upstream: values.upstream,
    port: Number(values.port),
    account: { name: environment.ARCHIVE_ACCOUNT, key: environment.ARCHIVE_ACCOUNT_KEY },
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: proxy.url })}\n`);
  const end = (): void => void proxy.close().then(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
} catch (error) {
  process.stderr.write(`rehydration-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
