import { ANYTHING, type ObjectShape, type Property, type Shape, type StringShape } from '../shapes/shape.js';

/*
 * The model mappers inside Microsoft's management packages, turned into shapes.
 *
 * A mapper names members by paths (`properties.diskSizeGB`), because the clients flatten `properties` away; here the
 * objects on the wire are built up again. An object in between has to be there when something in it has to be.
 */
export interface Mapper {
  readonly serializedName?: string;
  readonly required?: boolean;
  readonly readOnly?: boolean;
  readonly nullable?: boolean;
  readonly isConstant?: boolean;
  readonly defaultValue?: unknown;
  readonly constraints?: Readonly<Record<string, unknown>>;
  readonly type: MapperType;
}

export interface MapperType {
  readonly name: string;
  readonly className?: string;
  readonly modelProperties?: Readonly<Record<string, Mapper>>;
  readonly additionalProperties?: Mapper;
  readonly element?: Mapper;
  readonly value?: Mapper;
  readonly allowedValues?: readonly unknown[];
  readonly uberParent?: string;
  readonly polymorphicDiscriminator?: { readonly serializedName: string };
}

export type Mappers = Readonly<Record<string, Mapper>> & { readonly discriminators?: Readonly<Record<string, Mapper>> };

/** The values of a model's member that is an open enumeration: a mapper says just `String` there. */
export type KnownValues = (className: string, member: string) => readonly string[] | undefined;

export class MapperShapes {
  private readonly objects = new Map<string, ObjectShape>();

  constructor(
    private readonly mappers: Mappers,
    private readonly knownValues: KnownValues,
  ) {}

  shapeOf(mapper: Mapper, values?: readonly string[]): Shape {
    const { type } = mapper;
    switch (type.name) {
      case 'Composite':
        return { kind: 'reference', resolve: () => this.objectOf(type) };
      case 'Sequence':
        return { kind: 'list', element: this.part(type.element, values), ...lengths(mapper, 'Items') };
      case 'Dictionary':
        return { kind: 'dictionary', value: this.part(type.value, values) };
      case 'Boolean':
        return { kind: 'boolean' };
      case 'Number':
        return { kind: 'number', ...range(mapper) };
      case 'any':
      case 'Object':
      case 'Stream':
        return ANYTHING;
      default:
        return stringShape(mapper, values);
    }
  }

  private part(mapper: Mapper | undefined, values: readonly string[] | undefined): Shape {
    return mapper === undefined ? ANYTHING : this.shapeOf(mapper, values);
  }

  private objectOf(type: MapperType): ObjectShape {
    const className = type.className ?? '';
    const known = this.objects.get(className);
    if (known !== undefined) return known;
    const full = type.modelProperties === undefined ? this.mappers[className]?.type : type;
    if (full === undefined) throw new Error(`there is no mapper named ${className}`);
    const shape = this.build(full);
    this.objects.set(className, shape);
    return shape;
  }

  private build(type: MapperType): ObjectShape {
    const className = type.className ?? '';
    const root = newBranch();
    for (const [member, mapper] of Object.entries(type.modelProperties ?? {})) {
      const path = wirePath(mapper.serializedName ?? member);
      const last = path.pop() ?? member;
      let branch = root;
      for (const step of path) {
        const next = branch.branches.get(step) ?? newBranch();
        branch.branches.set(step, next);
        branch = next;
      }
      branch.leaves.set(last, {
        shape: this.shapeOf(mapper, this.knownValues(className, member)),
        required: mapper.required === true && mapper.isConstant !== true,
        readOnly: mapper.readOnly === true,
        nullable: mapper.nullable === true,
      });
    }
    const shape = objectFrom(root, className);
    const additional = type.additionalProperties === undefined ? null : this.shapeOf(type.additionalProperties);
    const discriminator = this.discriminatorOf(type);
    return { ...shape, additional, ...(discriminator === undefined ? {} : { discriminator }) };
  }

  private discriminatorOf(type: MapperType): ObjectShape['discriminator'] {
    const property = type.polymorphicDiscriminator?.serializedName;
    if (property === undefined) return undefined;
    const prefix = `${type.uberParent ?? type.className ?? ''}.`;
    const shapes = Object.entries(this.mappers.discriminators ?? {})
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, mapper]) => [key.slice(prefix.length), () => this.objectOf(mapper.type)] as const);
    return { property, shapes: new Map(shapes) };
  }
}

interface Branch {
  readonly leaves: Map<string, Property>;
  readonly branches: Map<string, Branch>;
}

function newBranch(): Branch {
  return { leaves: new Map(), branches: new Map() };
}

function objectFrom(branch: Branch, name: string): ObjectShape {
  const properties = new Map(branch.leaves);
  for (const [step, inner] of branch.branches) {
    const shape = objectFrom(inner, `${name}.${step}`);
    const inners = [...shape.properties.values()];
    properties.set(step, {
      shape,
      required: inners.some(({ required, readOnly }) => required && !readOnly),
      readOnly: inners.every(({ readOnly }) => readOnly),
      nullable: false,
    });
  }
  return { kind: 'object', name, properties, additional: null };
}

/** `properties.a\\.b` has two steps: a dot after a backslash belongs to the name. */
function wirePath(serializedName: string): string[] {
  return (serializedName.match(/(?:\\\\?\.|[^.])+/g) ?? [serializedName]).map((step) => step.replace(/\\+\./g, '.'));
}

const FORMATS: Readonly<Record<string, StringShape['format']>> = {
  DateTime: 'date-time',
  DateTimeRfc1123: undefined,
  Date: 'date',
  TimeSpan: 'duration',
  Uuid: 'uuid',
  ByteArray: 'base64',
  Base64Url: undefined,
};

function stringShape(mapper: Mapper, values: readonly string[] | undefined): StringShape {
  const { name, allowedValues } = mapper.type;
  const format = FORMATS[name];
  const allowed = name === 'Enum' ? (allowedValues ?? []).map(String) : values;
  const pattern = mapper.constraints?.['Pattern'];
  return {
    kind: 'string',
    ...(format === undefined ? {} : { format }),
    ...(allowed === undefined ? {} : { values: allowed }),
    ...(pattern instanceof RegExp ? { pattern } : {}),
    ...lengths(mapper, 'Length'),
  };
}

function lengths<T extends 'Items' | 'Length'>(mapper: Mapper, of: T): { [K in `min${T}` | `max${T}`]?: number } {
  const bounds: Record<string, number> = {};
  for (const end of ['Min', 'Max'] as const) {
    const bound = mapper.constraints?.[`${end}${of}`];
    if (typeof bound === 'number') bounds[`${end.toLowerCase()}${of}`] = bound;
  }
  return bounds as { [K in `min${T}` | `max${T}`]?: number };
}

function range(mapper: Mapper): { minimum?: number; maximum?: number } {
  const minimum = mapper.constraints?.['InclusiveMinimum'];
  const maximum = mapper.constraints?.['InclusiveMaximum'];
  return {
    ...(typeof minimum === 'number' ? { minimum } : {}),
    ...(typeof maximum === 'number' ? { maximum } : {}),
  };
}
