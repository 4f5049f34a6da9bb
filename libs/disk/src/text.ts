/** Text from an image up to its first NUL, without control characters and trailing blanks; null when nothing is left. */
export function cleanText(bytes: Buffer, encoding: 'utf8' | 'latin1' | 'utf16le' = 'utf8'): string | null {
  const text = bytes.toString(encoding);
  const end = text.indexOf('\0');
  const kept = (end === -1 ? text : text.slice(0, end)).replace(/\p{Cc}/gu, '').trimEnd();
  return kept === '' ? null : kept;
}

/** `8-4-4-4-12` from 16 bytes in their order, as Linux file systems have it; null for all zeros. */
export function uuidText(bytes: Buffer): string | null {
  if (bytes.every((byte) => byte === 0)) return null;
  return grouped(bytes.toString('hex'));
}

/** A GUID in capitals: the first three groups are little-endian on disk (UEFI specification, appendix A). */
export function guidText(bytes: Buffer): string {
  const hex = Buffer.concat([
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8, 16),
  ]).toString('hex');
  return grouped(hex).toUpperCase();
}

function grouped(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
