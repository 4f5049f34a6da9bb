/*
 * Blobs pass through memory by the megabyte. As it comes, glibc gives each such piece back to the kernel when it is freed and
 * asks for cleared pages again for the next one; with two decoding threads that costs a third of the whole time.
 * Told otherwise, it keeps what is freed, up to a limit, and hands it out again (mallopt(3): M_MMAP_THRESHOLD,
 * M_TRIM_THRESHOLD, M_ARENA_MAX). It reads this from the environment at the start of a process and not again.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // Larger than any piece. glibc takes no more than 32 MiB; more would be ignored.
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024 * 1024),
  // Each arena keeps memory of its own: few, so that the process stays small.
  MALLOC_ARENA_MAX: '2',
};

/**
 * Starts this process anew, under the same number and with the same arguments, with an allocator that suits a reader of
 * repositories. Returns where that is done already, where the allocator was set by the user, and where it can't be
 * done; so it can stand at the beginning of any program. What was set up before is lost: call it first.
 */
export function startWithSteadyMemory(): void {
  if (process.platform !== 'linux' || process.execve === undefined) return;
  if (Object.keys(SETTINGS).some((name) => process.env[name] !== undefined)) return;
  // Node calls this experimental, which is nothing that somebody who reads the log has to know.
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    process.execve(process.execPath, words, { ...process.env, ...SETTINGS });
  } catch {
    // It goes on as it is, slower.
  } finally {
    process.emitWarning = emitWarning;
  }
}
