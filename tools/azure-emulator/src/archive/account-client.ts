import { createHmac } from 'node:crypto';
import { request, type Agent } from 'node:http';

/*
 * What the proxy asks the blob service in its own name, signed with the account's key (Shared Key, 2021-12-02): the
 * tier of a blob that is to be copied, and an empty blob in place of a copy that was called off.
 */
export interface Account {
  readonly name: string;
  /** Base64. */
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export class AccountClient {
  constructor(
    private readonly upstream: URL,
    private readonly account: Account,
    private readonly agent: Agent,
  ) {}

  async tierOf(blob: string): Promise<string | null> {
    const { status, headers } = await this.send('HEAD', blob, {});
    const tier = headers['x-ms-access-tier'];
    return status === 200 && typeof tier === 'string' ? tier : null;
  }

  /** Returns whether it was written. */
  async writeEmpty(blob: string): Promise<boolean> {
    return (await this.send('PUT', blob, { 'x-ms-blob-type': 'BlockBlob' })).status === 201;
  }

  private send(method: 'HEAD' | 'PUT', blob: string, more: Readonly<Record<string, string>>): Promise<Answer> {
    const path = `/${blob.split('/').map(encodeURIComponent).join('/')}`;
    const signed: Record<string, string> = {
      ...more,
      'x-ms-date': new Date().toUTCString(),
      'x-ms-version': '2021-12-02',
    };
    const names = Object.keys(signed).sort();
    const toSign = [
      `${method}${'\n'.repeat(12)}`,
      ...names.map((name) => `${name}:${signed[name]}\n`),
      `/${this.account.name}${path}`,
    ].join('');
    const signature = createHmac('sha256', Buffer.from(this.account.key, 'base64')).update(toSign, 'utf8');
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: this.upstream.hostname,
          port: this.upstream.port,
          agent: this.agent,
          method,
          path,
          headers: {
            ...signed,
            ...(method === 'PUT' ? { 'content-length': '0' } : {}),
            authorization: `SharedKey ${this.account.name}:${signature.digest('base64')}`,
          },
        },
        (answer) => {
          answer.resume();
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
          answer.once('error', reject);
        },
      );
      sent.once('error', reject);
      sent.end();
    });
  }
}
