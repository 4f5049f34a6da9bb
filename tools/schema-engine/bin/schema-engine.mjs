#!/usr/bin/env node
/*
 * Stands in for Prisma's native schema engine, which its CLI would download: the same engine, as Prisma publishes it in
 * WebAssembly, behind the same command line. The CLI runs whatever PRISMA_SCHEMA_ENGINE_BINARY names.
 *
 *   schema-engine [--datamodels FILE]… [--datasource JSON]            JSON-RPC, a line each, on standard input and output
 *   schema-engine [--datasource JSON] cli can-connect-to-database     exit code 0, or 1 with the reason on standard error
 *   schema-engine [--datasource JSON] cli create-database
 */
import { parseArgs } from 'node:util';
import { loadEngine } from '../lib/engine.mjs';
import { serveJsonRpc } from '../lib/json-rpc.mjs';
import { canConnect, createDatabase, describeConnectionError } from '../lib/postgres.mjs';

const { values, positionals } = parseArgs({
  strict: false, // The CLI passes options that only the native engine knows.
  allowPositionals: true,
  options: { datamodels: { type: 'string', multiple: true, short: 'd' }, datasource: { type: 'string' } },
});
const datasource = values.datasource ? JSON.parse(values.datasource) : {};

if (positionals[0] === 'cli') await runCommand(positionals[1]);
else serve();

async function runCommand(command) {
  try {
    if (command === 'can-connect-to-database') await canConnect(datasource.url);
    else if (command === 'create-database') await createDatabase(datasource.url);
    else throw new Error(`unknown command ${command}`);
  } catch (error) {
    const fields = describeConnectionError(error, datasource.url);
    process.stderr.write(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
    process.exitCode = 1;
  }
}

function serve() {
  let loading;
  serveJsonRpc({
    input: process.stdin,
    write: (line) => process.stdout.write(line),
    async call(method, params) {
      if (method === 'createDatabase') return createDatabase(datasource.url);
      loading ??= loadEngine(datasource, values.datamodels ?? []);
      return (await loading)(method, params);
    },
    onEnd: () => process.exit(0),
  });
}
