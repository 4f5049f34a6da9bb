import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { MOST_PROCESSES } from './workers/boot-environment.js';
import { startEmulator, type EmulatorOptions } from './emulator.js';
import { PROFILE_NAMES } from './settings/profiles.js';

/*
 * node dist/main.js --data DIR [--host 127.0.0.1] [--port N] [--hypervisor none|qemu] [--profile azure]
 *                   [--record FILE]
 *
 * --record appends every request and its answer to FILE, one JSON document a line, less their secrets.
 * Prints one line of JSON when it is ready: {"ready":true,"url":"https://…","ca":"DIR/ca.pem"}. Ends on SIGTERM or SIGINT.
 */
const ENVIRONMENT = z.object({
  EMULATOR_TOKEN: z.string().min(1),
  EMULATOR_SUBSCRIPTION_ID: z.string().min(1),
  EMULATOR_WORKER_COMMAND: z
    .string()
    .transform((text, context) => {
      try {
        return z.array(z.string()).min(1).parse(JSON.parse(text));
      } catch {
        context.addIssue({ code: 'custom', message: 'must be a JSON array: program and arguments' });
        return z.NEVER;
      }
    })
    .optional(),
  /** For trials: so many data-movers at least on each worker, however small its VM is. */
  EMULATOR_WORKER_PROCESSES: z.coerce.number().int().min(1).max(MOST_PROCESSES).default(1),
  EMULATOR_DELAY_MS: z.coerce.number().int().min(0).default(0),
  EMULATOR_RETRY_AFTER_SECONDS: z.coerce.number().int().min(0).default(0),
  /** Memory of each VM that is booted, whatever its size says. */
  EMULATOR_QEMU_MEMORY_MIB: z.coerce.number().int().min(64).max(65_536).optional(),
});

function options(): EmulatorOptions {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      hypervisor: { type: 'string', default: 'none' },
      profile: { type: 'string' },
      record: { type: 'string' },
    },
  });
  if (values.data === undefined) throw new Error('--data DIR is missing: the folder that holds the emulated Azure.');
  const port = Number(values.port ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port.`);
  const { hypervisor } = values;
  if (hypervisor !== 'none' && hypervisor !== 'qemu') {
    throw new Error(`--hypervisor ${hypervisor} is not known: it is none or qemu.`);
  }
  const profile = PROFILE_NAMES.find((name) => name === values.profile);
  if (values.profile !== undefined && profile === undefined) {
    throw new Error(`--profile ${values.profile} is not known: it is ${PROFILE_NAMES.join(' or ')}.`);
  }
  const parsed = ENVIRONMENT.safeParse(process.env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`The environment is not complete: ${faults.join('; ')}.`);
  }
  const { record } = values;
  return {
    dataDirectory: values.data,
    host: values.host ?? '127.0.0.1',
    port,
    token: parsed.data.EMULATOR_TOKEN,
    subscriptionId: parsed.data.EMULATOR_SUBSCRIPTION_ID,
    workerCommand: parsed.data.EMULATOR_WORKER_COMMAND ?? null,
    workerProcesses: parsed.data.EMULATOR_WORKER_PROCESSES,
    hypervisor,
    profile,
    ...(parsed.data.EMULATOR_QEMU_MEMORY_MIB === undefined
      ? {}
      : { qemu: { memoryMiB: parsed.data.EMULATOR_QEMU_MEMORY_MIB } }),
    delayMs: parsed.data.EMULATOR_DELAY_MS,
    retryAfterSeconds: parsed.data.EMULATOR_RETRY_AFTER_SECONDS,
    ...(record === undefined
      ? {}
      : { onExchange: (exchange) => appendFileSync(record, `${JSON.stringify(exchange)}\n`, { mode: 0o600 }) }),
  };
}

try {
  const emulator = await startEmulator(options());
  process.stdout.write(`${JSON.stringify({ ready: true, url: emulator.url, ca: emulator.caPath })}\n`);
  let closing = false;
  const end = (): void => {
    if (closing) return;
    closing = true;
    void emulator.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
} catch (error) {
  process.stderr.write(`azure-emulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
