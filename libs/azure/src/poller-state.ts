/* What a client's poller writes down of its operation, and is resumed with. */

/** What the clients write down of an operation that a PUT has begun. */
export function operationState(url: string, operationLocation: string): string {
  const config = {
    ...{ operationLocation, resourceLocation: url, initialRequestUrl: url, requestMethod: 'PUT' },
    metadata: { mode: 'OperationLocation' },
  };
  return JSON.stringify({ state: { status: 'running', config } });
}

/** Where the operation can be asked about. */
export function operationUrl(pollerState: string): string | null {
  const parsed = JSON.parse(pollerState) as { state?: { config?: { operationLocation?: string } } };
  return parsed.state?.config?.operationLocation ?? null;
}

/** The poller's state less any result: what it is resumed with, and nothing that could hold a credential. */
export function resumable(serialized: string): string {
  const parsed = JSON.parse(serialized) as { state: { config: unknown } };
  return JSON.stringify({ state: { status: 'running', config: parsed.state.config } });
}
