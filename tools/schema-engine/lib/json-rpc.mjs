import { createInterface } from 'node:readline';

/** What the native engine answers with when a call fails. */
const CALL_FAILED = 4466;

/**
 * Answers JSON-RPC requests, a line each and one after the other, as the engine keeps one connection.
 * `call(method, params)` gives the result; an error that it throws may carry `code` and `meta` for the CLI to show.
 */
export function serveJsonRpc({ input, write, call, onEnd }) {
  const send = (message) => write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  let last = Promise.resolve();

  async function answer(line) {
    const { id, method, params } = JSON.parse(line);
    if (!method) return; // The CLI has acknowledged a `print`.
    try {
      const result = (await call(method, params)) ?? null;
      // What `migrate diff` prints goes the other way: the engine asks the CLI to print it.
      if (method === 'diff' && typeof result?.stdout === 'string') {
        send({ id: `print-${id}`, method: 'print', params: { content: result.stdout } });
      }
      send({ id, result });
    } catch (error) {
      const message = error?.message ?? String(error);
      const data = { is_panic: false, message, error_code: error?.code, meta: error?.meta };
      send({ id, error: { code: CALL_FAILED, message, data } });
    }
  }

  const lines = createInterface({ input });
  lines.on('line', (line) => {
    last = last.then(() => answer(line));
  });
  lines.on('close', () => void last.finally(onEnd));
}
