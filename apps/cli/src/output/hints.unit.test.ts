import { describe, expect, it } from '@jest/globals';
import { withData } from './hints.js';

describe('a command that is named in a message', () => {
  it('has the folder that the call was given, however the message names it', () => {
    for (const [said, completed] of [
      ['Follow it with "./landfall watch r1".', 'Follow it with "./landfall watch r1 --data /srv/s".'],
      [
        'List them with "landfall point list"; rescan.',
        'List them with "./landfall point list --data /srv/s"; rescan.',
      ],
      [
        'It goes on once approved: landfall approve r1.',
        'It goes on once approved: ./landfall approve r1 --data /srv/s.',
      ],
      [
        'Roll it back (landfall rollback r-1) and go on.',
        'Roll it back (./landfall rollback r-1 --data /srv/s) and go on.',
      ],
      ['Start it with "./landfall up --data /srv/s".', 'Start it with "./landfall up --data /srv/s".'],
      ['The folder of landfall is full.', 'The folder of landfall is full.'],
    ] as const) {
      expect(withData(said, '/srv/s')).toBe(completed);
      expect(withData(said, undefined)).toBe(said);
    }
  });

  it('names a folder as a shell reads it', () => {
    expect(withData('"./landfall down"', "/my stack's")).toBe(`"./landfall down --data '/my stack'\\''s'"`);
  });
});
