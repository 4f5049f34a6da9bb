import { open } from 'node:fs/promises';
import { Secret } from '@landfall/domain';
import { FolderFileStore, openRepository } from '@landfall/repository';

/*
 * Landfall's data path alone, as a program of its own so that it can be measured from outside:
 *   landfall-restore REPOSITORY TARGET THREADS      (password in RESTIC_PASSWORD)
 * Writes the one disk of the repository's one restore point to the file TARGET, and flushes it.
 */
const [repositoryPath, targetPath, threads] = process.argv.slice(2);
if (repositoryPath === undefined || targetPath === undefined) throw new Error('REPOSITORY and TARGET are needed.');

const repository = await openRepository({
  kind: 'restic',
  store: new FolderFileStore(repositoryPath),
  password: new Secret(process.env['RESTIC_PASSWORD'] ?? ''),
  threads: Number(threads ?? 2),
});
const { points } = await repository.discover();
const location = points[0]?.disks[0]?.location;
if (location === undefined) throw new Error('The repository holds no disk.');
const source = await repository.openDisk(location);
const target = await open(targetPath, 'wx');
await target.truncate(source.sizeBytes);
for await (const { offset, bytes, release } of source.pieces({ offset: 0, length: source.sizeBytes })) {
  await target.write(bytes, 0, bytes.byteLength, offset);
  release?.();
}
await target.sync();
await target.close();
await source.close();
await repository.close();
