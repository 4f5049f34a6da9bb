import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initRepository } from '@landfall/repository/quick-repository';
import { repositoryPassword } from './repository-password.js';

describe('the password of a repository', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-password-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(content: string | Buffer): string {
    const path = join(folder, 'password');
    writeFileSync(path, content);
    return path;
  }

  it('is the content of its file as restic reads it: without white space around it, and without a byte order mark', () => {
    const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');
    for (const content of [
      'correct hörse§',
      'correct hörse§\n',
      'correct hörse§\r\n',
      '  correct hörse§ \t\n\n',
      '\ufeffcorrect hörse§\r\n',
      '\u00a0\u0085correct hörse§\u2028\u3000',
      utf16('correct hörse§\r\n'),
      utf16('correct hörse§').swap16(),
    ]) {
      expect(repositoryPassword(file(content), {})).toBe('correct hörse§');
    }
    expect(repositoryPassword(file('a\n# of a colleague\n'), {})).toBe('a\n# of a colleague');
    // No white space to restic, though to JavaScript it is.
    expect(repositoryPassword(file(' \ufeffa\ufeff'), {})).toBe('\ufeffa\ufeff');
  });

  it('is what restic itself takes from the same file', async () => {
    const contents = [' p ü \u0085\n', `\ufeffq\u3000`, Buffer.from('\ufeffr§\r\n', 'utf16le')];
    for (const [index, content] of contents.entries()) {
      const path = file(content);
      const repository = join(folder, `repository-${index}`);
      await initRepository(repository, repositoryPassword(path, {})!);
      const words = ['-q', '-r', repository, '--no-cache', '--password-file', path, 'cat', 'config'];
      expect(execFileSync('restic', words, { stdio: 'pipe' }).toString()).toContain('"version": 2');
    }
  }, 60_000);

  it('is refused where it could not be handed on, before anything is started with it', () => {
    for (const [content, code] of [
      ['a\0b', 'PASSWORD_INVALID'],
      [Buffer.from('secret', 'utf16le'), 'PASSWORD_INVALID'],
      [Buffer.from('p\xf6', 'latin1'), 'REPOSITORY_PASSWORD_WRONG'],
      [' \u3000\n', 'PASSWORD_EMPTY'],
      ['x'.repeat(65_537), 'PASSWORD_FILE_UNREADABLE'],
    ] as const) {
      expect(() => repositoryPassword(file(content), {})).toThrow(expect.objectContaining({ code }));
    }
  });

  it('is not waited for: what is no plain file is refused', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero', folder, '']) {
      expect(() => repositoryPassword(path, {})).toThrow(expect.objectContaining({ code: 'PASSWORD_FILE_UNREADABLE' }));
    }
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
