import { ANYTHING, type ObjectShape, type Property, type Shape, type StringShape } from '../shapes/shape.js';
import type { Documents, Located, SchemaNode } from './documents.js';

/*
 * Schemas of OpenAPI documents, turned into shapes. `allOf` is inheritance: its members are one object's. Objects are
 * closed unless they say `additionalProperties`; an object that says nothing at all can be anything.
 */
export class SwaggerShapes {
  private readonly known = new Map<string, Shape>();

  constructor(private readonly documents: Documents) {}

  shapeOf({ node, file }: Located, name = ''): Shape {
    if (node.$ref !== undefined) return this.referred(node.$ref, file);
    if (isObject(node)) return this.objectOf({ node, file }, name);
    switch (node.type) {
      case 'array': {
        const element = node.items === undefined ? ANYTHING : this.shapeOf({ node: node.items, file }, `${name}[]`);
        const { minItems, maxItems } = node;
        return { kind: 'list', element, ...defined({ minItems, maxItems }) };
      }
      case 'boolean':
        return { kind: 'boolean' };
      case 'integer':
      case 'number': {
        const { minimum, maximum } = node;
        return { kind: 'number', integer: node.type === 'integer', ...defined({ minimum, maximum }) };
      }
      case 'string':
        return stringShape(node);
      default:
        return node.enum === undefined ? ANYTHING : stringShape(node);
    }
  }

  private referred(reference: string, from: string): Shape {
    const target = this.documents.resolve(reference, from);
    if (target === null) return ANYTHING;
    const shape = this.known.get(target.key);
    if (shape !== undefined) return shape;
    let resolved: Shape | null = null;
    const lazy: Shape = {
      kind: 'reference',
      resolve: () => (resolved ??= this.shapeOf(target, target.key.split('/').at(-1))),
    };
    this.known.set(target.key, lazy);
    return lazy;
  }

  private objectOf(located: Located, name: string): Shape {
    const properties = new Map<string, Property>();
    const additional: (Shape | null)[] = [];
    const discriminators: string[] = [];
    this.gather(located, properties, additional, discriminators);
    const [open] = additional.filter((shape) => shape !== null);
    const isBlank = properties.size === 0 && open === undefined && located.node.properties === undefined;
    if (isBlank && located.node.allOf === undefined) return ANYTHING;
    if (properties.size === 0 && open !== undefined) return { kind: 'dictionary', value: open };
    const shape: ObjectShape = { kind: 'object', name, properties, additional: open ?? null };
    const [property] = discriminators;
    return property === undefined
      ? shape
      : { ...shape, discriminator: { property, shapes: this.heirs(name, located) } };
  }

  /** The object's own members, and those of everything that it inherits from. */
  private gather(
    { node, file }: Located,
    properties: Map<string, Property>,
    additional: (Shape | null)[],
    discriminators: string[],
  ): void {
    for (const part of node.allOf ?? []) {
      const parent = part.$ref === undefined ? { node: part, file } : this.documents.resolve(part.$ref, file);
      if (parent !== null) this.gather(parent, properties, additional, discriminators);
    }
    for (const [member, schema] of Object.entries(node.properties ?? {})) {
      properties.set(member, this.property({ node: schema, file }, member));
    }
    for (const member of node.required ?? []) {
      const property = properties.get(member);
      if (property !== undefined) properties.set(member, { ...property, required: true });
    }
    if (node.additionalProperties === true) additional.push(ANYTHING);
    else if (typeof node.additionalProperties === 'object') {
      additional.push(this.shapeOf({ node: node.additionalProperties, file }));
    }
    if (node.discriminator !== undefined) discriminators.push(node.discriminator);
  }

  private property(located: Located, member: string): Property {
    const { node } = located;
    return {
      shape: this.shapeOf(located, member),
      required: false,
      readOnly: node.readOnly === true,
      nullable: node['x-nullable'] === true,
      secret: node['x-ms-secret'] === true,
    };
  }

  /** By the discriminator's value, the definitions of the same document that inherit from this one. */
  private heirs(name: string, { file }: Located): ReadonlyMap<string, () => Shape> {
    const heirs = new Map<string, () => Shape>();
    for (const [heir, node] of Object.entries(this.documents.document(file).definitions ?? {})) {
      if (!(node.allOf ?? []).some(({ $ref }) => $ref === `#/definitions/${name}`)) continue;
      heirs.set(node['x-ms-discriminator-value'] ?? heir, () => this.referred(`#/definitions/${heir}`, file));
    }
    return heirs;
  }
}

function isObject(node: SchemaNode): boolean {
  return (
    node.type === 'object' ||
    node.properties !== undefined ||
    node.allOf !== undefined ||
    typeof node.additionalProperties === 'object'
  );
}

const FORMATS: Readonly<Record<string, StringShape['format']>> = {
  'date-time': 'date-time',
  date: 'date',
  duration: 'duration',
  uuid: 'uuid',
  byte: 'base64',
};

function stringShape(node: SchemaNode): StringShape {
  const format = FORMATS[node.format ?? ''];
  const { minLength, maxLength } = node;
  return {
    kind: 'string',
    ...(node.enum === undefined ? {} : { values: node.enum.map(String) }),
    ...(node.pattern === undefined ? {} : { pattern: new RegExp(node.pattern) }),
    ...defined({ format, minLength, maxLength }),
  };
}

function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
