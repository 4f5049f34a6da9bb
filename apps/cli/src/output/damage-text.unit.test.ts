import { describe, expect, it } from '@jest/globals';
import type { DamagedRangeView } from '@landfall/contract';
import { damageText } from './damage-text.js';

const MIB = 1024 * 1024;

type Part = DamagedRangeView['parts'][number];

function damaged(part: Partial<Part>, changes: Partial<DamagedRangeView> = {}): DamagedRangeView {
  const range = { offset: 1000 * MIB, length: MIB };
  return {
    ...{ disk: 'sda', code: 'BLOB_CORRUPT', exact: true, moreParts: 0, ...range },
    parts: [
      {
        ...{ ...range, partition: { number: 2, typeName: 'Linux' }, logicalVolume: null, content: 'ext4' },
        ...{ holds: ['files'], files: [], moreFiles: 0, notNamed: null, ...part },
      },
    ],
    ...changes,
  };
}

describe('damage on the screen', () => {
  it('is told by disk, place and files', () => {
    expect(damageText([damaged({ files: ['/var/lib/db/orders.ibd', '/var/log/syslog'], moreFiles: 3 })])).toBe(
      [
        '  What lies there:',
        '    disk "sda", bytes 1048576000 to 1049624576 (1 MiB)',
        '      partition 2 (Linux), ext4: files',
        '        /var/lib/db/orders.ibd',
        '        /var/log/syslog',
        '        and 3 more',
      ].join('\n'),
    );
  });

  it('says what it is where it is no file', () => {
    const told = (part: Partial<Part>): string => damageText([damaged(part)]);
    expect(told({ holds: ['structures', 'free'] })).toMatch(
      /ext4: the file system's own lists and journal, free space$/,
    );
    expect(told({ partition: null, content: null, holds: ['partition-table'] })).toMatch(/^ {6}the partition table$/m);
    expect(told({ logicalVolume: 'vg0/root' })).toMatch(/partition 2 \(Linux\), logical volume vg0\/root, ext4: files/);
  });

  it('says why files can’t be named', () => {
    const told = (notNamed: Part['notNamed']): string =>
      damageText([damaged({ content: 'xfs', holds: ['unknown'], notNamed })]);
    expect(told('not-read')).toMatch(/can't be named: xfs, as it is here, is not read yet\.$/);
    expect(told('closed')).toMatch(/encrypted, or spread/);
    expect(told('damaged')).toMatch(/damaged as well/);
    expect(told('too-much')).toMatch(/too long/);
    expect(damageText([])).toMatch(/is not known/);
    expect(damageText([damaged({}, { exact: false })])).toMatch(/somewhere in bytes 1048576000/);
  });

  it('says why nothing could be found out', () => {
    const error = { code: 'STORE_UNREACHABLE', message: 'The share is away.', fix: 'Mount it.' };
    expect(damageText(error)).toMatch(
      /could not be found out:\n +STORE_UNREACHABLE: The share is away\.\n +Mount it\.$/,
    );
  });

  it('shows a name on one line, whatever it holds', () => {
    const text = damageText([damaged({ files: ['/a\nError\n  \u001b[31mFAKE'] })]);
    expect(text.split('\n').length).toBe(4);
    expect(text).toMatch(/\/a\ufffdError\ufffd {2}\ufffd\[31mFAKE$/);
  });

  it('shows words that it does not know as they are', () => {
    const newer = damaged({ holds: ['tape' as Part['holds'][number]], notNamed: 'asleep' as Part['notNamed'] });
    expect(damageText([newer])).toMatch(/ext4: tape/);
  });
});
