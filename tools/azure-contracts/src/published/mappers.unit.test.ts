import { describe, expect, it } from '@jest/globals';
import { validate } from '../shapes/validate.js';
import { knownValuesFrom } from './known-values.js';
import { MapperShapes, type Mappers } from './mappers.js';

/* As in Microsoft's packages, with the names that a disk has. */
const MAPPERS = {
  Disk: {
    type: {
      name: 'Composite',
      className: 'Disk',
      modelProperties: {
        id: { serializedName: 'id', readOnly: true, type: { name: 'String' } },
        location: { serializedName: 'location', required: true, type: { name: 'String' } },
        creationData: {
          serializedName: 'properties.creationData',
          required: true,
          type: { name: 'Composite', className: 'CreationData' },
        },
        diskState: { serializedName: 'properties.diskState', readOnly: true, type: { name: 'String' } },
        osType: { serializedName: 'properties.osType', type: { name: 'Enum', allowedValues: ['Windows', 'Linux'] } },
        timeCreated: { serializedName: 'properties.timeCreated', type: { name: 'DateTime' } },
        tags: { serializedName: 'tags', type: { name: 'Dictionary', value: { type: { name: 'String' } } } },
        zones: { serializedName: 'zones', type: { name: 'Sequence', element: { type: { name: 'String' } } } },
        nextLink: { serializedName: '@odata\\.nextLink', type: { name: 'String' } },
        parent: { serializedName: 'parent', type: { name: 'Composite', className: 'Disk' } },
      },
    },
  },
  CreationData: {
    type: {
      name: 'Composite',
      className: 'CreationData',
      modelProperties: {
        createOption: { serializedName: 'createOption', required: true, type: { name: 'String' } },
        sectors: {
          serializedName: 'sectors',
          constraints: { InclusiveMinimum: 1, InclusiveMaximum: 8 },
          type: { name: 'Number' },
        },
        names: {
          serializedName: 'names',
          constraints: { MinItems: 1 },
          type: { name: 'Sequence', element: { type: { name: 'Composite', className: 'Open' } } },
        },
      },
    },
  },
  Open: {
    type: {
      name: 'Composite',
      className: 'Open',
      modelProperties: {},
      additionalProperties: { type: { name: 'Number' } },
    },
  },
  Profile: {
    type: {
      name: 'Composite',
      className: 'Profile',
      uberParent: 'Profile',
      polymorphicDiscriminator: { serializedName: 'kind' },
      modelProperties: { kind: { serializedName: 'kind', required: true, type: { name: 'String' } } },
    },
  },
} satisfies Mappers;

const LINUX = {
  type: {
    name: 'Composite',
    className: 'LinuxProfile',
    uberParent: 'Profile',
    modelProperties: {
      ...MAPPERS.Profile.type.modelProperties,
      shell: { serializedName: 'shell', required: true, type: { name: 'String' } },
    },
  },
};

const DECLARATIONS = `
export interface TrackedDisk {
    /** Its state. */
    readonly diskState?: DiskState;
}
export interface Disk extends TrackedDisk {
    zones?: string[];
}
export interface CreationData {
    createOption: CreateOption;
}
export declare enum KnownDiskState {
    /** Nobody has it. */
    Unattached = "Unattached",
    ActiveSAS = "ActiveSAS"
}
export declare enum KnownCreateOption {
    Empty = "Empty",
    Copy = "Copy"
}
export type DiskState = string;
`;

describe('shapes out of mappers', () => {
  const mappers = Object.assign({ discriminators: { 'Profile.Linux': LINUX } }, MAPPERS) as unknown as Mappers;
  const shapes = new MapperShapes(mappers, knownValuesFrom(DECLARATIONS));
  const faults = (value: unknown, mapper: keyof typeof MAPPERS = 'Disk', direction: 'request' | 'answer' = 'answer') =>
    validate(value, shapes.shapeOf(MAPPERS[mapper]), direction).map(({ path, rule }) => `${rule}: ${path}`);
  const disk = (properties: object, more: object = {}) => ({
    location: 'x',
    properties: { creationData: { createOption: 'Empty' }, ...properties },
    ...more,
  });

  it('has the members where they are on the wire', () => {
    expect(faults(disk({ osType: 'Linux', timeCreated: '2026-01-01T00:00:00Z' }, { tags: { a: 'b' } }))).toStrictEqual(
      [],
    );
    expect(faults(disk({}, { diskState: 'Unattached' }))).toStrictEqual(['unknown property: diskState']);
    expect(faults(disk({}, { '@odata.nextLink': 'x' }))).toStrictEqual([]);
  });

  it('finds what is missing, the object in between included', () => {
    expect(faults({ properties: { creationData: {} } })).toStrictEqual([
      'missing property: properties.creationData.createOption',
      'missing property: location',
    ]);
    expect(faults({ location: 'x' })).toStrictEqual(['missing property: properties']);
    expect(faults({ location: 'x', properties: {} })).toStrictEqual(['missing property: properties.creationData']);
  });

  it('knows the values of closed enumerations, and of open ones by their declarations, inherited ones too', () => {
    expect(faults(disk({ osType: 'BeOS' }))).toStrictEqual(['value not allowed: properties.osType']);
    expect(faults(disk({ diskState: 'Lost' }))).toStrictEqual(['value not allowed: properties.diskState']);
    expect(faults(disk({ creationData: { createOption: 'empty' } }))).toStrictEqual([
      'value not allowed: properties.creationData.createOption',
    ]);
  });

  it('keeps to bounds, to types in lists and dictionaries, and to what only the service sets', () => {
    const broken = disk(
      { creationData: { createOption: 'Copy', sectors: 9, names: [] } },
      { zones: [1], tags: { a: 1 } },
    );
    expect(faults(broken).sort()).toStrictEqual([
      'out of range: properties.creationData.names',
      'out of range: properties.creationData.sectors',
      'wrong type: tags.a',
      'wrong type: zones[0]',
    ]);
    expect(faults(disk({ diskState: 'Unattached' }), 'Disk', 'request')).toStrictEqual([
      'read-only property: properties.diskState',
    ]);
    expect(faults(disk({ creationData: { createOption: 'Copy', names: [{ any: 'x' }] } }))).toStrictEqual([
      'wrong type: properties.creationData.names[0].any',
    ]);
  });

  it('follows discriminators and definitions that hold themselves', () => {
    expect(faults({ kind: 'Linux' }, 'Profile')).toStrictEqual(['missing property: shell']);
    expect(faults(disk({}, { parent: disk({}, { parent: { location: 1 } }) }))).toStrictEqual([
      'wrong type: parent.parent.location',
      'missing property: parent.parent.properties',
    ]);
  });
});
