/*
 * IPv4 arithmetic: a prefix is a range of 32-bit numbers. Azure keeps five addresses of each subnet to itself: the
 * network's, the three after it (gateway, DNS), and the last one.
 */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

const RESERVED_AT_START = 4;
const RESERVED_AT_END = 1;

export function parsePrefix(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(address) / size) * size;
  return { first, last: first + size - 1 };
}

/** False for `10.0.0.1/24`, whose host part is not zero. */
export function isPrefixAligned(cidr: string): boolean {
  return parsePrefix(cidr).first === toNumber(cidr.split('/')[0] ?? '');
}

export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

export function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function includesAddress(range: AddressRange, address: string): boolean {
  const number = toNumber(address);
  return range.first <= number && number <= range.last;
}

export function isReserved(range: AddressRange, address: string): boolean {
  const number = toNumber(address);
  return number < range.first + RESERVED_AT_START || number > range.last - RESERVED_AT_END;
}

/** The lowest address that a machine can have and that is not taken; null when the range is used up. */
export function lowestFree(range: AddressRange, taken: ReadonlySet<string>): string | null {
  for (let number = range.first + RESERVED_AT_START; number <= range.last - RESERVED_AT_END; number++) {
    const address = toAddress(number);
    if (!taken.has(address)) return address;
  }
  return null;
}

/** How many addresses machines can have. */
export function usableCount(range: AddressRange): number {
  return Math.max(0, range.last - range.first + 1 - RESERVED_AT_START - RESERVED_AT_END);
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
