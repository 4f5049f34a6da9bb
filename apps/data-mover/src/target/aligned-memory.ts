/*
 * Buffers at addresses that O_DIRECT accepts.
 *
 * Reading past the page cache needs memory that is aligned to the device's block size, and a Node Buffer is aligned to
 * 16 bytes only. The memory of a WebAssembly instance begins on a page boundary, so one such memory is cut into slots
 * that are lent out one by one; who finds none free waits. Nothing is ever compiled or run in it.
 */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 64 * 1024;

export const SLOT_BYTES = 1024 * 1024;
const SLOTS = 8;

const free: Buffer[] = [];
const waiting: ((slot: Buffer) => void)[] = [];
let reserved = false;

/** Runs `work` with a slot of `SLOT_BYTES`, which belongs to it until it has ended. */
export async function withAlignedSlot<T>(work: (slot: Buffer) => Promise<T>): Promise<T> {
  reserve();
  const slot = free.pop() ?? (await new Promise<Buffer>((resolve) => waiting.push(resolve)));
  try {
    return await work(slot);
  } finally {
    const next = waiting.shift();
    if (next === undefined) free.push(slot);
    else next(slot);
  }
}

function reserve(): void {
  if (reserved) return;
  reserved = true;
  const pages = (SLOTS * SLOT_BYTES) / WASM_PAGE_BYTES;
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  for (let slot = 0; slot < SLOTS; slot += 1) free.push(Buffer.from(buffer, slot * SLOT_BYTES, SLOT_BYTES));
}
