import { Secret } from '@landfall/domain';
import { connectBooks } from '@landfall/persistence';
import { startTestService } from './test-service.fixture.test.js';

/**
 * A provisioner in a process of its own that takes up step 3 and says so, and never ends it: to be killed.
 * Arguments: the database's URL, Redis' URL, the prefix.
 */
const [databaseUrl = '', redisUrl = '', prefix = ''] = process.argv.slice(2);

if (databaseUrl !== '') {
  const { books } = connectBooks({ databaseUrl: new Secret(databaseUrl) });
  await startTestService({
    service: 'provisioner',
    books,
    redis: { url: new Secret(redisUrl), prefix },
    handlers: {
      'create-empty-disks': async () => {
        process.stdout.write('taken up\n');
        return new Promise(() => undefined);
      },
    },
    locks: { lockMs: 1_000, lookEveryMs: 500 },
  });
}
