import { type DamagedRange, NOT_NAMED, RANGE_HOLDS } from '@landfall/domain';
import { z } from 'zod';
import { COUNT } from './fields.js';

const RANGE_PART = z.object({
  offset: COUNT.describe('Of the disk.'),
  length: COUNT,
  partition: z
    .object({ number: COUNT, typeName: z.string().nullable() })
    .nullable()
    .describe('Null where no partition lies there.'),
  logicalVolume: z.string().nullable().describe('Its group and its name, with a slash between them.'),
  content: z
    .string()
    .nullable()
    .describe('Of the partition, volume or disk, such as `ext4`; null where nothing known was found.'),
  holds: z.array(z.enum(RANGE_HOLDS)),
  files: z
    .array(z.string())
    .describe('Paths from the root of the file system; folders end with a slash. Text from the backup.'),
  moreFiles: COUNT.describe('Files beside those that are listed.'),
  notNamed: z
    .enum(NOT_NAMED)
    .nullable()
    .describe(
      'Why files may be missing here: this kind of file system is not read, it is closed (encrypted, or spread over ' +
        'others), nothing known lies there, what would tell is damaged as well, or it would have taken too much.',
    ),
});

/** What a data-mover has met, and what lies there. */
export const DAMAGED_RANGE = z
  .object({
    disk: z.string(),
    code: z.string().describe('As the error of the restore has it, such as `BLOB_CORRUPT`.'),
    exact: z.boolean().describe('False: the damage is somewhere in this range.'),
    offset: COUNT.describe('Of the disk.'),
    length: COUNT,
    parts: z.array(RANGE_PART).describe('By partition and volume, in their order.'),
    moreParts: COUNT.describe('Parts behind those that are listed.'),
  })
  .meta({
    id: 'DamagedRange',
    description: 'A range of a disk that the backup can not give, and what lies there, down to the files.',
    examples: [
      {
        ...{ disk: 'sda', code: 'BLOB_CORRUPT', exact: true, offset: 1_114_636_288, length: 1_048_576 },
        parts: [
          {
            ...{ offset: 1_114_636_288, length: 1_048_576 },
            partition: { number: 2, typeName: 'Linux' },
            ...{ logicalVolume: null, content: 'ext4', holds: ['files'] },
            ...{ files: ['/var/lib/mysql/shop/orders.ibd'], moreFiles: 0, notNamed: null },
          },
        ],
        moreParts: 0,
      },
    ],
  }) satisfies z.ZodType<DamagedRange>;

export type DamagedRangeView = z.infer<typeof DAMAGED_RANGE>;
