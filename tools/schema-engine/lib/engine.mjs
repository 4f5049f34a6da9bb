import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { connectionFactory } from './postgres.mjs';

/** Methods that are named differently in WebAssembly than on the wire. */
const RENAMED = { getDatabaseVersion: 'version' };

/** Loads the engine for these schema files. Resolves to `(method, params) => result`. */
export async function loadEngine(datasource, datamodelFiles) {
  globalThis.PRISMA_WASM_PANIC_REGISTRY = {
    set_message: (message) => process.stderr.write(`${JSON.stringify({ level: 'ERROR', fields: { message } })}\n`),
  };
  const { SchemaEngine } = await loadWebAssembly();
  const adapter = bindMigrationAwareSqlAdapterFactory(connectionFactory(datasource));
  const datamodels = datamodelFiles.map((file) => [file, readFileSync(file, 'utf8')]);
  const log = (message) => process.env.DEBUG && process.stderr.write(`${message}\n`);
  const engine = await SchemaEngine.new(datamodelFiles.length > 0 ? { datamodels } : {}, log, adapter);

  return async (method, params) => {
    const name = RENAMED[method] ?? method;
    if (typeof engine[name] !== 'function') throw new Error(`the schema engine has no method ${method}`);
    try {
      return await engine[name](params);
    } catch (error) {
      // An error of the database's client is kept aside under a number while it passes through WebAssembly.
      throw adapter.errorRegistry.consumeError(error?.id ?? 0)?.error ?? error;
    }
  };
}

async function loadWebAssembly() {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const script = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const code = readFileSync(script.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings;
}
