import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/*
 * What a guest has printed on its serial console since it was started last. QEMU appends to the file by itself, so that
 * nothing is lost when the emulator is busy; the emulator looks at its size now and then. A guest may print for ever:
 * past the limit the older half is forgotten (and what it prints in that very moment may be).
 */
export const SERIAL_LOG_LIMIT = 1024 * 1024;
const LOOK_EVERY_MS = 1_000;

/** Empties the file and keeps it within bounds, until the returned function is called. */
export function keepSerialLog(path: string, firstLine = ''): () => void {
  writeFileSync(path, firstLine, { mode: 0o600 });
  const file = openSync(path, 'a+'); // names the file, wherever the VM's folder is moved to
  const timer = setInterval(() => trim(file, SERIAL_LOG_LIMIT), LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    trim(file, SERIAL_LOG_LIMIT);
    closeSync(file);
  };
}

/** Keeps the last half of the limit when the file, which is open for appending, is larger than that. */
export function trim(file: number, limit: number): void {
  const { size } = fstatSync(file);
  if (size <= limit) return;
  const tail = Buffer.alloc(Math.floor(limit / 2));
  const bytes = readSync(file, tail, 0, tail.length, size - tail.length);
  ftruncateSync(file, 0);
  writeSync(file, tail, 0, bytes);
}

/** Empty for a guest that was never started. */
export function readSerialLog(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
