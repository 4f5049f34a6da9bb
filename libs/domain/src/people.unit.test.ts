import { describe, expect, it } from '@jest/globals';
import { standingBehind } from './people.js';

const made = (name: string, createdBy: string | null) => ({ name, createdBy });

describe('who stands behind a token', () => {
  it('is whoever bears it, and all by whom it was made in the end', () => {
    const tokens = [made('root', null), made('bob', 'root'), made('bot', 'bob'), made('alice', 'root')];
    expect(standingBehind('bot', tokens)).toStrictEqual(['bot', 'bob', 'root']);
    expect(standingBehind('alice', tokens)).toStrictEqual(['alice', 'root']);
    expect(standingBehind('worker:w-1', tokens)).toStrictEqual(['worker:w-1']);
  });

  it('comes to an end where names have made each other', () => {
    expect(standingBehind('a', [made('a', 'b'), made('b', 'a')])).toStrictEqual(['a', 'b']);
  });
});
