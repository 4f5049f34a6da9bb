/*
 * Changes of bytes, as a failing disk, a broken tool or an attacker would make them. Each takes what is there, another
 * valid input, and the run's random numbers.
 */
type Random = () => number;
type Change = (bytes: Buffer, other: Buffer, random: Random) => Buffer;

const MOST_CHANGES = 4;
const LONGEST_BLOCK = 1024;
const BOUNDARIES = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n, // -1
];

export function mutateBytes(valid: Buffer, other: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(valid);
  const changes = 1 + below(MOST_CHANGES, random);
  for (let done = 0; done < changes; done += 1) bytes = oneOf(CHANGES, random)(bytes, other, random);
  return bytes;
}

export function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

export function oneOf<T>(items: readonly T[], random: Random): T {
  return items[below(items.length, random)]!;
}

const flipBit: Change = (bytes, _other, random) => {
  const at = below(bytes.length, random);
  if (at < bytes.length) bytes[at]! ^= 1 << below(8, random);
  return bytes;
};

const setByte: Change = (bytes, _other, random) => {
  const at = below(bytes.length, random);
  if (at < bytes.length) bytes[at] = oneOf([0, 1, 0x7f, 0x80, 0xff, below(256, random)], random);
  return bytes;
};

const setInteger: Change = (bytes, _other, random) => {
  const size = oneOf([2, 4, 8], random);
  if (bytes.length < size) return bytes;
  const value = BigInt.asUintN(size * 8, oneOf(BOUNDARIES, random));
  const written = Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex');
  // Fields mostly lie at multiples of their size.
  const at = below(bytes.length - size + 1, random);
  (random() < 0.5 ? written.reverse() : written).copy(bytes, random() < 0.7 ? at - (at % size) : at);
  return bytes;
};

const truncate: Change = (bytes, _other, random) => bytes.subarray(0, below(bytes.length, random));

const extend: Change = (bytes, _other, random) =>
  Buffer.concat([bytes, Buffer.alloc(1 + below(LONGEST_BLOCK, random), oneOf([0, 0xff, 0x20, 0x30], random))]);

const duplicate: Change = (bytes, _other, random) => {
  const [from, to] = block(bytes, random);
  const at = below(bytes.length + 1, random);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]);
};

const remove: Change = (bytes, _other, random) => {
  const [from, to] = block(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const swap: Change = (bytes, _other, random) => {
  const [from, to] = block(bytes, random);
  const at = below(Math.max(1, bytes.length - (to - from)), random);
  const moved = Buffer.from(bytes.subarray(from, to));
  bytes.copyWithin(from, at, at + moved.length);
  moved.copy(bytes, at);
  return bytes;
};

const overwrite: Change = (bytes, other, random) => {
  const [from, to] = block(other, random);
  other.copy(bytes, below(bytes.length, random), from, to);
  return bytes;
};

const splice: Change = (bytes, other, random) => {
  const at = below(Math.min(bytes.length, other.length), random);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
};

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setInteger,
  setInteger,
  setInteger,
  truncate,
  extend,
  duplicate,
  remove,
  swap,
  overwrite,
  splice,
];

function block(bytes: Buffer, random: Random): readonly [from: number, to: number] {
  const from = below(bytes.length, random);
  return [from, Math.min(bytes.length, from + 1 + below(LONGEST_BLOCK, random))];
}
