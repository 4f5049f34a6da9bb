import { openBlobStore, parseBlobUrl } from '@landfall/azure/blob';
import type { BLOB_ACCOUNTS, SECRET_KEY } from '@landfall/config';
import type { Books } from '@landfall/persistence';
import { OpenRepositories } from '@landfall/repository';
import { type DynamicModule, Inject, type OnApplicationShutdown, Module } from '@nestjs/common';
import type { z } from 'zod';
import { BOOKS, ENVIRONMENT } from './tokens.js';

type RepositoriesEnvironment = z.infer<typeof SECRET_KEY> & z.infer<typeof BLOB_ACCOUNTS>;

/** `OpenRepositories`: those of the catalogue, each opened when it is used. */
export function repositoriesModule(): DynamicModule {
  return {
    module: RepositoriesModule,
    global: true,
    providers: [{ provide: OpenRepositories, inject: [ENVIRONMENT, BOOKS], useFactory: keepRepositories }],
    exports: [OpenRepositories],
  };
}

@Module({})
class RepositoriesModule implements OnApplicationShutdown {
  constructor(@Inject(OpenRepositories) private readonly repositories: OpenRepositories) {}

  onApplicationShutdown(): Promise<void> {
    return this.repositories.close();
  }
}

function keepRepositories(environment: RepositoriesEnvironment, books: Books): OpenRepositories {
  return new OpenRepositories({
    catalogue: books.catalogue,
    secrets: books.secretBox(environment.LANDFALL_SECRET_KEY),
    blobStoreAt: (url) => openBlobStore(parseBlobUrl(url), environment.LANDFALL_BLOB_ACCOUNTS),
  });
}
