import type { ListShape, NumberShape, ObjectShape, Property, Shape, StringShape } from './shape.js';

/** Which way a value travels: read-only members belong into answers alone, secrets into requests alone. */
export type Direction = 'request' | 'answer';

export interface Fault {
  /** Such as `properties.dataDisks[0].lun`; empty for the value itself. */
  readonly path: string;
  readonly rule:
    | 'unknown property'
    | 'missing property'
    | 'wrong type'
    | 'value not allowed'
    | 'wrong format'
    | 'out of range'
    | 'read-only property'
    | 'secret property';
  readonly message: string;
}

/** Everything that is wrong with a value; empty when it fits. */
export function validate(value: unknown, shape: Shape, direction: Direction, path = ''): readonly Fault[] {
  switch (shape.kind) {
    case 'any':
      return [];
    case 'reference':
      return validate(value, shape.resolve(), direction, path);
    case 'boolean':
      return typeof value === 'boolean' ? [] : [wrongType(value, 'a boolean', path)];
    case 'string':
      return typeof value === 'string' ? stringFaults(value, shape, path) : [wrongType(value, 'a string', path)];
    case 'number':
      return typeof value === 'number' ? numberFaults(value, shape, path) : [wrongType(value, 'a number', path)];
    case 'list':
      return Array.isArray(value) ? listFaults(value, shape, direction, path) : [wrongType(value, 'a list', path)];
    case 'dictionary':
      if (!isObject(value)) return [wrongType(value, 'an object', path)];
      return Object.entries(value).flatMap(([name, each]) => validate(each, shape.value, direction, join(path, name)));
    case 'object':
      return isObject(value) ? objectFaults(value, shape, direction, path) : [wrongType(value, 'an object', path)];
  }
}

function objectFaults(
  value: Readonly<Record<string, unknown>>,
  shape: ObjectShape,
  direction: Direction,
  path: string,
): readonly Fault[] {
  const named = shape.discriminator === undefined ? undefined : value[shape.discriminator.property];
  const actual = typeof named === 'string' ? shape.discriminator?.shapes.get(named)?.() : undefined;
  if (actual !== undefined && actual !== shape) {
    const { discriminator: _, ...plain } = resolved(actual);
    return objectFaults(value, plain, direction, path);
  }
  const faults: Fault[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const property = shape.properties.get(name);
    if (property !== undefined) faults.push(...memberFaults(member, property, direction, join(path, name)));
    else if (shape.additional !== null) faults.push(...validate(member, shape.additional, direction, join(path, name)));
    else faults.push(unknownProperty(name, shape, path));
  }
  for (const [name, property] of shape.properties) {
    const isDue = property.required && !(direction === 'request' && property.readOnly);
    if (!isDue || value[name] !== undefined) continue;
    faults.push({
      path: join(path, name),
      rule: 'missing property',
      message: `${shape.name} has to have '${name}'`,
    });
  }
  return faults;
}

function memberFaults(value: unknown, property: Property, direction: Direction, path: string): readonly Fault[] {
  if (direction === 'request' && property.readOnly) {
    return [{ path, rule: 'read-only property', message: 'only the service sets this' }];
  }
  if (direction === 'answer' && property.secret === true) {
    return [{ path, rule: 'secret property', message: 'the service never gives this out' }];
  }
  return value === null && property.nullable ? [] : validate(value, property.shape, direction, path);
}

function unknownProperty(name: string, shape: ObjectShape, path: string): Fault {
  const twin = [...shape.properties.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
  return {
    path: join(path, name),
    rule: 'unknown property',
    message: `${shape.name} has no '${name}'${twin === undefined ? '' : `; it has '${twin}'`}`,
  };
}

function listFaults(value: readonly unknown[], shape: ListShape, direction: Direction, path: string): readonly Fault[] {
  const faults = value.flatMap((each, index) => validate(each, shape.element, direction, `${path}[${index}]`));
  const isShort = shape.minItems !== undefined && value.length < shape.minItems;
  const isLong = shape.maxItems !== undefined && value.length > shape.maxItems;
  return isShort || isLong ? [...faults, outOfRange(`${value.length} elements`, path)] : faults;
}

function numberFaults(value: number, shape: NumberShape, path: string): readonly Fault[] {
  if (shape.integer === true && !Number.isInteger(value)) return [wrongType(value, 'an integer', path)];
  const isLow = shape.minimum !== undefined && value < shape.minimum;
  const isHigh = shape.maximum !== undefined && value > shape.maximum;
  return isLow || isHigh ? [outOfRange(String(value), path)] : [];
}

const FORMATS: Readonly<Record<NonNullable<StringShape['format']>, RegExp>> = {
  'date-time': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  duration: /^-?P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/,
};

function stringFaults(value: string, shape: StringShape, path: string): readonly Fault[] {
  if (shape.values !== undefined && !shape.values.includes(value)) {
    return [{ path, rule: 'value not allowed', message: `'${value}' is not one of ${shape.values.join(', ')}` }];
  }
  if (shape.format !== undefined && !FORMATS[shape.format].test(value)) {
    return [{ path, rule: 'wrong format', message: `'${value}' is not a ${shape.format}` }];
  }
  if (shape.pattern !== undefined && !shape.pattern.test(value)) {
    return [{ path, rule: 'wrong format', message: `'${value}' does not match ${shape.pattern.source}` }];
  }
  const isShort = shape.minLength !== undefined && value.length < shape.minLength;
  const isLong = shape.maxLength !== undefined && value.length > shape.maxLength;
  return isShort || isLong ? [outOfRange(`${value.length} characters`, path)] : [];
}

function wrongType(value: unknown, wanted: string, path: string): Fault {
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  return { path, rule: 'wrong type', message: `is ${found} and has to be ${wanted}` };
}

function outOfRange(what: string, path: string): Fault {
  return { path, rule: 'out of range', message: `${what} is too little or too much` };
}

function resolved(shape: Shape): ObjectShape {
  if (shape.kind === 'reference') return resolved(shape.resolve());
  if (shape.kind !== 'object') throw new Error(`a discriminator leads to a ${shape.kind}`);
  return shape;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
