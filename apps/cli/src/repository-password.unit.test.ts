import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { repositoryPassword } from './repository-password.js';

describe('the password of a repository', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-password-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(content: string): string {
    const path = join(folder, 'password');
    writeFileSync(path, content);
    return path;
  }

  it('is the content of its file without the line break at the end', () => {
    for (const content of ['correct horse', 'correct horse\n', 'correct horse\r\n']) {
      assert.equal(repositoryPassword(file(content), {}), 'correct horse');
    }
    assert.equal(repositoryPassword(file(' a\n\n'), {}), ' a\n');
  });

  it("is looked for in restic's variables where no file is given", () => {
    assert.equal(repositoryPassword(undefined, {}), null);
    assert.equal(repositoryPassword(undefined, { RESTIC_PASSWORD: 'a' }), 'a');
    assert.equal(repositoryPassword(undefined, { RESTIC_PASSWORD_FILE: file('b') }), 'b');
    assert.equal(repositoryPassword(file('c'), { RESTIC_PASSWORD: 'a' }), 'c');
  });

  it('is refused where its file is empty or can not be read', () => {
    assert.throws(() => repositoryPassword(file('\n'), {}), { code: 'PASSWORD_EMPTY' });
    assert.throws(() => repositoryPassword(join(folder, 'none'), {}), { code: 'PASSWORD_FILE_UNREADABLE' });
  });
});
