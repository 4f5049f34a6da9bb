import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryPassword } from './repository-password.js';

describe('the password of a repository', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-password-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(content: string): string {
    const path = join(folder, 'password');
    writeFileSync(path, content);
    return path;
  }

  it('is the content of its file without the line break at the end', () => {
    for (const content of ['correct horse', 'correct horse\n', 'correct horse\r\n']) {
      expect(repositoryPassword(file(content), {})).toBe('correct horse');
    }
    expect(repositoryPassword(file(' a\n\n'), {})).toBe(' a\n');
  });

  it("is looked for in restic's variables where no file is given", () => {
    expect(repositoryPassword(undefined, {})).toBe(null);
    expect(repositoryPassword(undefined, { RESTIC_PASSWORD: 'a' })).toBe('a');
    expect(repositoryPassword(undefined, { RESTIC_PASSWORD_FILE: file('b') })).toBe('b');
    expect(repositoryPassword(file('c'), { RESTIC_PASSWORD: 'a' })).toBe('c');
  });

  it('is refused where its file is empty or can not be read', () => {
    expect(() => repositoryPassword(file('\n'), {})).toThrow(expect.objectContaining({ code: 'PASSWORD_EMPTY' }));
    expect(() => repositoryPassword(join(folder, 'none'), {})).toThrow(
      expect.objectContaining({ code: 'PASSWORD_FILE_UNREADABLE' }),
    );
  });
});
