import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANYTHING, type ObjectShape, type Property, type Shape } from './shape.js';
import { validate, type Direction } from './validate.js';

const property = (shape: Shape, more: Partial<Property> = {}): Property => ({
  ...{ shape, required: false, readOnly: false, nullable: false },
  ...more,
});
const object = (properties: Record<string, Property>, more: Partial<ObjectShape> = {}): ObjectShape => ({
  ...{ kind: 'object', name: 'Disk', properties: new Map(Object.entries(properties)), additional: null },
  ...more,
});
const TEXT: Shape = { kind: 'string' };

const DISK = object({
  id: property(TEXT, { readOnly: true, required: true }),
  location: property(TEXT, { required: true }),
  tier: property({ kind: 'string', values: ['P10', 'P20'] }),
  size: property({ kind: 'number', integer: true, minimum: 1, maximum: 10 }),
  zones: property({ kind: 'list', element: TEXT, minItems: 1 }),
  tags: property({ kind: 'dictionary', value: TEXT }),
  made: property({ kind: 'string', format: 'date-time' }),
  shared: property({ kind: 'boolean' }, { nullable: true }),
  password: property(TEXT, { secret: true }),
  inner: property(object({ lun: property({ kind: 'number' }, { required: true }) }, { name: 'Inner' })),
});

const GOOD = { id: '/d', location: 'here', tier: 'P10', size: 4, zones: ['1'], tags: { a: 'b' }, inner: { lun: 0 } };

function rules(value: unknown, direction: Direction = 'answer', shape: Shape = DISK): string[] {
  return validate(value, shape, direction).map(({ path, rule }) => `${rule}: ${path}`);
}

describe('validating a value', () => {
  it('finds nothing in one that fits', () => {
    assert.deepEqual(rules(GOOD), []);
    assert.deepEqual(rules({ ...GOOD, shared: null, made: '2026-01-02T03:04:05.678Z' }), []);
  });

  it('finds members that are not in the model, and says which one was meant', () => {
    assert.deepEqual(rules({ ...GOOD, colour: 'red' }), ['unknown property: colour']);
    assert.deepEqual(rules({ ...GOOD, inner: { lun: 0, LUN: 1 } }), ['unknown property: inner.LUN']);
    const [fault] = validate({ ...GOOD, Location: 'x' }, DISK, 'answer');
    assert.match(fault?.message ?? '', /it has 'location'/);
  });

  it('finds members that are missing, however deep', () => {
    const { location: _, ...homeless } = GOOD;
    assert.deepEqual(rules(homeless), ['missing property: location']);
    assert.deepEqual(rules({ ...GOOD, inner: {} }), ['missing property: inner.lun']);
  });

  it('finds values of another type', () => {
    const wrong = { location: 7, size: '4', zones: '1', tags: ['a'], shared: 'yes', inner: [], tier: null };
    for (const [member, value] of Object.entries(wrong)) {
      assert.deepEqual(rules({ ...GOOD, [member]: value }), [`wrong type: ${member}`]);
    }
    assert.deepEqual(rules({ ...GOOD, size: 1.5 }), ['wrong type: size']);
    assert.deepEqual(rules({ ...GOOD, tags: { a: 1 } }), ['wrong type: tags.a']);
    assert.deepEqual(rules({ ...GOOD, zones: [1] }), ['wrong type: zones[0]']);
    assert.deepEqual(rules('a disk'), ['wrong type: ']);
    assert.deepEqual(rules(undefined), ['wrong type: ']);
  });

  it('finds values outside of an enumeration, in another case too', () => {
    assert.deepEqual(rules({ ...GOOD, tier: 'P30' }), ['value not allowed: tier']);
    assert.deepEqual(rules({ ...GOOD, tier: 'p10' }), ['value not allowed: tier']);
  });

  it('finds dates that are none, and numbers and lists out of their bounds', () => {
    assert.deepEqual(rules({ ...GOOD, made: 'yesterday' }), ['wrong format: made']);
    assert.deepEqual(rules({ ...GOOD, made: '2026-01-02' }), ['wrong format: made']);
    for (const size of [0, 11]) assert.deepEqual(rules({ ...GOOD, size }), ['out of range: size']);
    assert.deepEqual(rules({ ...GOOD, zones: [] }), ['out of range: zones']);
  });

  it('wants what only the service sets in answers, and not in requests', () => {
    const { id: _, ...request } = GOOD;
    assert.deepEqual(rules(request), ['missing property: id']);
    assert.deepEqual(rules(request, 'request'), []);
    assert.deepEqual(rules(GOOD, 'request'), ['read-only property: id']);
  });

  it('wants no secrets in answers', () => {
    const { id: _, ...request } = { ...GOOD, password: 'x' };
    assert.deepEqual(rules(request, 'request'), []);
    assert.deepEqual(rules({ ...GOOD, password: 'x' }), ['secret property: password']);
  });

  it('takes the shape that the discriminator names', () => {
    const linux = object({ kind: property(TEXT), shell: property(TEXT, { required: true }) }, { name: 'Linux' });
    const any = object(
      { kind: property(TEXT) },
      { discriminator: { property: 'kind', shapes: new Map([['Linux', () => linux]]) } },
    );
    assert.deepEqual(rules({ kind: 'Linux', shell: 'sh' }, 'answer', any), []);
    assert.deepEqual(rules({ kind: 'Linux' }, 'answer', any), ['missing property: shell']);
    assert.deepEqual(rules({ kind: 'Other', shell: 'sh' }, 'answer', any), ['unknown property: shell']);
  });

  it('looks into open objects and into definitions that refer to themselves', () => {
    const open = object({}, { additional: { kind: 'number' } });
    assert.deepEqual(rules({ a: 1, b: '2' }, 'answer', open), ['wrong type: b']);
    assert.deepEqual(rules({ a: { b: [] } }, 'answer', ANYTHING), []);
    const tree: Shape = object({
      children: property({ kind: 'list', element: { kind: 'reference', resolve: () => tree } }),
    });
    assert.deepEqual(rules({ children: [{ children: [{ leaf: 1 }] }] }, 'answer', tree), [
      'unknown property: children[0].children[0].leaf',
    ]);
  });
});
