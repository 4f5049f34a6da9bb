import { describe, expect, it } from '@jest/globals';
import { skip } from '@landfall/testing';
import { derivedFacts } from '../swagger/facts.js';
import { specificationFolder } from '../swagger/specifications.js';
import type { Shape } from '../shapes/shape.js';
import { validate } from '../shapes/validate.js';
import { factsOf, factsText, operationsOf, publishedFacts, readFacts, type Facts } from './facts.js';
import type { PublishedOperation } from './operation.js';

const GROUP: Shape = {
  kind: 'object',
  name: 'Group',
  additional: null,
  properties: new Map([
    ['name', { shape: { kind: 'string', pattern: /^[a-z]+$/, maxLength: 3 }, ...flags('required') }],
    ['state', { shape: { kind: 'string', values: ['On', 'Off'] }, ...flags('readOnly', 'nullable') }],
    ['count', { shape: { kind: 'number', integer: true, minimum: 1 }, ...flags() }],
    ['password', { shape: { kind: 'string' }, ...flags('secret') }],
    ['parts', { shape: { kind: 'list', element: reference(() => GROUP), maxItems: 1 }, ...flags() }],
    ['tags', { shape: { kind: 'dictionary', value: { kind: 'boolean' } }, ...flags() }],
    ['other', { shape: { kind: 'any' }, ...flags() }],
  ]),
};

function reference(resolve: () => Shape): Shape {
  return { kind: 'reference', resolve };
}

function flags(...set: string[]) {
  const has = (flag: string): boolean => set.includes(flag);
  return { required: has('required'), readOnly: has('readOnly'), nullable: has('nullable'), secret: has('secret') };
}

function operation(answer: Shape): PublishedOperation {
  return {
    source: 'groups.json@1',
    id: 'Groups_Get',
    method: 'GET',
    path: '/groups/{name}',
    query: [{ name: 'api-version', required: true, type: 'string' }],
    body: null,
    answers: new Map([
      [200, { body: answer }],
      [204, { body: null }],
    ]),
    error: { body: { kind: 'any' } },
  };
}

const writtenAndRead = (facts: Facts): readonly PublishedOperation[] =>
  operationsOf(JSON.parse(factsText(facts)) as Facts);

describe('the facts of the specifications', () => {
  it('say the same after they were written and read', () => {
    const [read] = writtenAndRead(factsOf([operation(reference(() => GROUP))]));
    expect([read!.answers.get(204), read!.error, read!.query]).toStrictEqual([
      { body: null },
      { body: { kind: 'any' } },
      [{ name: 'api-version', required: true, type: 'string' }],
    ]);
    const shape = read!.answers.get(200)!.body!;
    const good = { name: 'abc', state: null, count: 2, parts: [{ name: 'a' }], tags: { x: true }, other: 1 };
    for (const [value, wrong] of [
      [good, 0],
      [{ ...good, name: 'ABC' }, 1],
      [{ ...good, name: 'abcd' }, 1],
      [{ ...good, state: 'off' }, 1],
      [{ ...good, count: 0.5 }, 2],
      [{ ...good, parts: [{ name: 'a' }, { name: 'b' }] }, 1],
      [{ ...good, parts: [{}] }, 1],
      [{ ...good, more: 1 }, 1],
    ] as const) {
      const [before, after] = [GROUP, shape].map((each) => validate(value, each, 'answer').length);
      expect([value, after]).toStrictEqual([value, before]);
      expect(before! > 0).toBe(wrong > 0);
    }
  });

  it('keep two definitions apart that have the same name', () => {
    const named = (member: string): Shape => ({
      ...{ kind: 'object', name: 'Same', additional: null },
      properties: new Map([[member, { shape: { kind: 'boolean' }, ...flags() }]]),
    });
    const facts = factsOf([operation(reference(() => named('a'))), operation(reference(() => named('b')))]);
    expect(Object.keys(facts.shapes)).toStrictEqual(['Same', 'Same#2']);
  });

  it('tell of operations on machines, networks and groups', () => {
    const ids = publishedFacts().map(({ id }) => id);
    for (const id of ['VirtualMachines_Get', 'NetworkInterfaces_Get', 'ResourceGroups_Delete']) {
      expect(ids).toContain(id);
    }
  });

  it('are those of the specifications, where they lie beside the workspace', async () => {
    const folder = specificationFolder();
    if (folder === null) skip('the specifications are not there; LANDFALL_AZURE_SPECS names their folder');
    expect(factsText(await derivedFacts(folder))).toBe(factsText(readFacts()));
  });
});
