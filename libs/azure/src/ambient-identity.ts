import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';

/**
 * Whoever this process is in Azure: a managed identity, a workload identity, a service principal in the environment.
 * The library that finds out is large, and is loaded when a token is first asked for.
 */
export class AmbientIdentity implements TokenCredential {
  #credential: Promise<TokenCredential> | null = null;

  async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
    this.#credential ??= import('@azure/identity').then(({ DefaultAzureCredential }) => new DefaultAzureCredential());
    return (await this.#credential).getToken(scopes, options);
  }
}
