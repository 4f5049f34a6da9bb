import { describe, expect, it } from '@jest/globals';
import { localPath, signInPage } from './sign-in-page.js';

describe('the way on after the sign-in', () => {
  for (const path of ['/', '/docs', '/admin/queues/queue/planner?page=2', '/#/restores/r1']) {
    it(`may be ${path}`, () => expect(localPath(path)).toBe(path));
  }

  for (const path of [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
    '/a\nb',
    '/ b',
  ]) {
    it(`is the first page instead of ${JSON.stringify(path)}`, () => expect(localPath(path)).toBe('/'));
  }
});

describe('the sign-in page', () => {
  it('puts nothing from outside into its markup', () => {
    const page = signInPage({ next: '/"><script>alert(1)</script>', message: '<img onerror=x>' });
    expect(page).not.toMatch(/<script|<img/);
  });
});
