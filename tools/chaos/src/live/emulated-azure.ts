/** The emulator's own interface: what lies in it, and how it misbehaves. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface WorkerProcess {
  readonly vm: string;
  readonly name: string;
  readonly pid: number;
}

export class EmulatedAzure {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  resources(): Promise<readonly Resource[]> {
    return this.call('GET', '/_emulator/resources');
  }

  async resourcesOf(restoreId: string): Promise<readonly Resource[]> {
    return (await this.resources()).filter((resource) => resource.tags['landfall-restore'] === restoreId);
  }

  workers(): Promise<readonly WorkerProcess[]> {
    return this.call('GET', '/_emulator/workers');
  }

  async diskPath(id: string): Promise<string> {
    const { path } = await this.call<{ path: string }>('GET', `/_emulator/disk-path?id=${encodeURIComponent(id)}`);
    return path;
  }

  /** Also for calls to ARM itself, as somebody else would make them. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
