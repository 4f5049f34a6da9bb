import { expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { placesIn } from './places.js';

const workspace = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

test('a place in what was built is told as the one in the sources', () => {
  const { stack = '' } = new Error('here');
  expect(placesIn(stack, workspace)[0]).toMatch(/^tools\/jest\/src\/places\.unit\.test\.ts:8$/);
});

test('what lies outside, or was not written here, is no place', () => {
  const stack = `Error: x
    at one (/elsewhere/a.js:1:2)
    at two (${workspace}/node_modules/b/c.js:3:4)
    at node:internal/process:5:6
    at ${workspace}/tools/none.js:7:8`;
  expect(placesIn(stack, workspace)).toStrictEqual(['tools/none.js:7']);
});
