import { describe, expect, it } from '@jest/globals';
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
    expect(rules(GOOD)).toStrictEqual([]);
    expect(rules({ ...GOOD, shared: null, made: '2026-01-02T03:04:05.678Z' })).toStrictEqual([]);
  });

  it('finds members that are not in the model, and says which one was meant', () => {
    expect(rules({ ...GOOD, colour: 'red' })).toStrictEqual(['unknown property: colour']);
    expect(rules({ ...GOOD, inner: { lun: 0, LUN: 1 } })).toStrictEqual(['unknown property: inner.LUN']);
    const [fault] = validate({ ...GOOD, Location: 'x' }, DISK, 'answer');
    expect(fault?.message ?? '').toMatch(/it has 'location'/);
  });

  it('finds members that are missing, however deep', () => {
    const { location: _, ...homeless } = GOOD;
    expect(rules(homeless)).toStrictEqual(['missing property: location']);
    expect(rules({ ...GOOD, inner: {} })).toStrictEqual(['missing property: inner.lun']);
  });

  it('finds values of another type', () => {
    const wrong = { location: 7, size: '4', zones: '1', tags: ['a'], shared: 'yes', inner: [], tier: null };
    for (const [member, value] of Object.entries(wrong)) {
      expect(rules({ ...GOOD, [member]: value })).toStrictEqual([`wrong type: ${member}`]);
    }
    expect(rules({ ...GOOD, size: 1.5 })).toStrictEqual(['wrong type: size']);
    expect(rules({ ...GOOD, tags: { a: 1 } })).toStrictEqual(['wrong type: tags.a']);
    expect(rules({ ...GOOD, zones: [1] })).toStrictEqual(['wrong type: zones[0]']);
    expect(rules('a disk')).toStrictEqual(['wrong type: ']);
    expect(rules(undefined)).toStrictEqual(['wrong type: ']);
  });

  it('finds values outside of an enumeration, in another case too', () => {
    expect(rules({ ...GOOD, tier: 'P30' })).toStrictEqual(['value not allowed: tier']);
    expect(rules({ ...GOOD, tier: 'p10' })).toStrictEqual(['value not allowed: tier']);
  });

  it('finds dates that are none, and numbers and lists out of their bounds', () => {
    expect(rules({ ...GOOD, made: 'yesterday' })).toStrictEqual(['wrong format: made']);
    expect(rules({ ...GOOD, made: '2026-01-02' })).toStrictEqual(['wrong format: made']);
    for (const size of [0, 11]) expect(rules({ ...GOOD, size })).toStrictEqual(['out of range: size']);
    expect(rules({ ...GOOD, zones: [] })).toStrictEqual(['out of range: zones']);
  });

  it('wants what only the service sets in answers, and not in requests', () => {
    const { id: _, ...request } = GOOD;
    expect(rules(request)).toStrictEqual(['missing property: id']);
    expect(rules(request, 'request')).toStrictEqual([]);
    expect(rules(GOOD, 'request')).toStrictEqual(['read-only property: id']);
  });

  it('wants no secrets in answers', () => {
    const { id: _, ...request } = { ...GOOD, password: 'x' };
    expect(rules(request, 'request')).toStrictEqual([]);
    expect(rules({ ...GOOD, password: 'x' })).toStrictEqual(['secret property: password']);
  });

  it('takes the shape that the discriminator names', () => {
    const linux = object({ kind: property(TEXT), shell: property(TEXT, { required: true }) }, { name: 'Linux' });
    const any = object(
      { kind: property(TEXT) },
      { discriminator: { property: 'kind', shapes: new Map([['Linux', () => linux]]) } },
    );
    expect(rules({ kind: 'Linux', shell: 'sh' }, 'answer', any)).toStrictEqual([]);
    expect(rules({ kind: 'Linux' }, 'answer', any)).toStrictEqual(['missing property: shell']);
    expect(rules({ kind: 'Other', shell: 'sh' }, 'answer', any)).toStrictEqual(['unknown property: shell']);
  });

  it('looks into open objects and into definitions that refer to themselves', () => {
    const open = object({}, { additional: { kind: 'number' } });
    expect(rules({ a: 1, b: '2' }, 'answer', open)).toStrictEqual(['wrong type: b']);
    expect(rules({ a: { b: [] } }, 'answer', ANYTHING)).toStrictEqual([]);
    const tree: Shape = object({
      children: property({ kind: 'list', element: { kind: 'reference', resolve: () => tree } }),
    });
    expect(rules({ children: [{ children: [{ leaf: 1 }] }] }, 'answer', tree)).toStrictEqual([
      'unknown property: children[0].children[0].leaf',
    ]);
  });
});
