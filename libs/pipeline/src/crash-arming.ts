import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/*
 * Arms processes while they run: a file with a line for each point, `NAME[#n]` or `launch-worker.*`, of which the first is the
 * next one. Whoever reaches it takes its line away and dies, so that each line kills one process. Occurrences are counted
 * from the moment at which the file, or what is left of it, was put there. No file: nothing is armed.
 *
 * `NAME[#n] stop`: the process is stopped there (SIGSTOP) and not killed, so that something else can happen at just this
 * moment; its number is left in `FILE.stopped` for whoever lets it go on.
 */
export function armedByFile(file: string): (point: string) => 'die' | 'stop' | null {
  let version = '';
  let lines: readonly string[] = [];
  let times = 0;

  function read(): void {
    const { ino, mtimeMs, size } = statSync(file);
    const now = `${ino}:${mtimeMs}:${size}`;
    if (now === version) return;
    lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    version = now;
    times = 0;
  }

  return (point) => {
    try {
      read();
      const [where = '', what] = (lines[0] ?? '').split(' ');
      const [name = '', occurrence = '1'] = where.split('#');
      if (!isMeant(point, name)) return null;
      times += 1;
      if (times < Number(occurrence)) return null;
      const taken = `${file}.${process.pid}`;
      renameSync(file, taken); // another process may have come to it at the same moment: then there is no file any more
      if (lines.length > 1) {
        writeFileSync(`${taken}.rest`, `${lines.slice(1).join('\n')}\n`);
        renameSync(`${taken}.rest`, file);
      }
      rmSync(taken, { force: true });
      if (what !== 'stop') return 'die';
      writeFileSync(`${taken}.stopped`, String(process.pid));
      renameSync(`${taken}.stopped`, `${file}.stopped`);
      return 'stop';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      version = '';
      return null;
    }
  };
}

function isMeant(point: string, name: string): boolean {
  if (name === '') return false;
  return name.endsWith('*') ? point.startsWith(name.slice(0, -1)) : point === name;
}
