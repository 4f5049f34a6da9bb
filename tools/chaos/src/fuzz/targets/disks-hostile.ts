import { recorded } from './disk-scene.js';
import { textOf } from './checksums.js';

/* Metadata of LVM that is little more than syntax, just below the 4 MiB that the product reads. */
const BYTES = 4 * 1024 * 1024 - 1_024;

const TEXT = textOf(recorded('pv1')).toString();
const PHYSICAL_UUID = /physical_volumes \{.*?id = "([^"]+)"/s.exec(TEXT)?.[1] ?? '';

const again = (bytes: number, make: (index: number) => string): string => {
  const parts: string[] = [];
  for (let length = 0, index = 0; length < bytes; index += 1) {
    parts.push(make(index));
    length += parts.at(-1)!.length;
  }
  return parts.join('');
};

const group = (physical: string, logical: string): Buffer =>
  Buffer.from(
    `vg0 {\nid = "g"\nseqno = 99\nextent_size = 1\nphysical_volumes {\n${physical}}\nlogical_volumes {\n${logical}}\n}\n`,
  );

const GENUINE = `pv0 { id = "${PHYSICAL_UUID}" pe_start = 2048 pe_count = 8192 }\n`;
const segment = (number: number, first: number, key: string, extent: number): string =>
  `segment${number} { start_extent = ${first} extent_count = 1 type = "striped" stripe_count = 1 stripes = ["${key}", ${extent}] }\n`;

export const LVM_TEXTS: readonly Buffer[] = [
  Buffer.from(`a = "${'x'.repeat(5 * BYTES)}"`),
  Buffer.from(`a = "${'x'.repeat(BYTES)}"`),
  Buffer.from(`a = "${'x'.repeat(BYTES)}`),
  Buffer.from(`a = "${'\\x'.repeat(BYTES / 2)}"`),
  Buffer.from('9'.repeat(BYTES)),
  Buffer.from('a{'.repeat(BYTES / 2)),
  Buffer.from(`a = [${'1,'.repeat(BYTES / 2)}]`),
  Buffer.from(`vg0 { ${again(BYTES, (index) => `k${index}=1 `)} }`),
  // Many physical volumes, the one that is there the last of them, and many segments on it.
  group(
    again(BYTES / 2, (index) => `p${index}{id="" pe_start=0 pe_count=0}\n`) + GENUINE,
    `lv { id = "l" status = ["VISIBLE"] segment_count = 8000\n${Array.from({ length: 8_000 }, (_, index) => segment(index + 1, index, 'pv0', index)).join('')}}\n`,
  ),
  // Many volumes over the same extent.
  group(
    GENUINE,
    again(
      BYTES,
      (index) => `lv${index} { id = "" status = ["VISIBLE"] segment_count = 1\n${segment(1, 0, 'pv0', 0)}}\n`,
    ),
  ),
  group(
    GENUINE,
    again(BYTES, (index) => `lv${index}{id="" status=["VISIBLE"] segment_count=0}\n`),
  ),
];
