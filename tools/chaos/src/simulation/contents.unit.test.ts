import { expect, test } from '@jest/globals';
import { BLOCK, DiskContents, SimulatedTarget } from './contents.js';
import { Gates } from './gates.js';
import { Kernel } from './kernel.js';

test('a failed flush loses what was written, and each opening of the disk is told of it once', async () => {
  const kernel = new Kernel(1);
  const contents = new DiskContents();
  let fails = true;
  const open = (): SimulatedTarget =>
    new SimulatedTarget(new Gates(kernel), contents, {
      ...{ diskId: '/disks/sda', sizeBytes: 8 * BLOCK, segmentId: 's', epoch: 1, purpose: 'move', mover: 'm/1' },
      ...{
        reachable: () => true,
        flushFails: () => fails,
        ...{ direct: false, writeFails: () => false, readDiffers: () => false },
      },
    });
  const during = async <T>(work: Promise<T>): Promise<T> => {
    const ended = work.then(
      () => true,
      () => true,
    );
    await kernel.run(60_000, () => false);
    expect(await ended).toBe(true);
    return work;
  };
  const [first, second] = [open(), open()];
  await during(first.write(0, Buffer.alloc(BLOCK, 1)));
  await during(second.write(BLOCK, Buffer.alloc(BLOCK, 2)));
  await expect(during(first.flush())).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED' });
  fails = false;
  const third = open();
  await expect(during(second.flush())).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED' });
  expect(contents.onDisk('/disks/sda').size).toBe(0);
  for (const each of [first, second, third]) await during(each.flush());
  await during(third.write(0, Buffer.alloc(BLOCK, 3)));
  await during(third.flush());
  expect([...contents.onDisk('/disks/sda').keys()]).toStrictEqual([0]);
});

test('a copy holds what its disk held when it was made, also where a machine alone has written since, and follows a move', () => {
  const contents = new DiskContents();
  contents.make('/disks/sda', null);
  contents.onDisk('/disks/sda').set(0, Buffer.alloc(BLOCK, 1));
  contents.live('/disks/sda');
  const state = contents.stateOf('/disks/SDA');
  contents.make('/snapshots/s', '/disks/sda');
  contents.live('/disks/sda');
  expect(contents.stateOf('/disks/sda')).not.toBe(state);
  contents.make('/disks/sda', '/snapshots/s');
  expect([contents.stateOf('/disks/sda'), contents.madeAs('/disks/sda')]).toStrictEqual([state, state]);
  contents.move('/disks/sda', '/disks/moved');
  expect(contents.stateOf('/disks/moved')).toBe(state);
  expect(contents.onDisk('/disks/sda').size).toBe(0);
});
