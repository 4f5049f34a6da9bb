import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * A run of its own, over files that are written here: what Jest reports with this runner.
 */
const FILES = {
  'good.test.js': `
    let kept = 0;
    beforeEach(() => { kept += 1; });
    describe('a file', () => {
      it('has its hooks run', () => expect(kept).toBe(1));
      it('knows Node’s errors for errors', () => expect(() => readFileSync('/nowhere')).toThrow(Error));
      it('may take the clock', () => {
        jest.useFakeTimers({ doNotFake: ['nextTick'] });
        let rang = false;
        setTimeout(() => { rang = true; }, 60_000);
        jest.advanceTimersByTime(60_000);
        jest.useRealTimers();
        expect(rang).toBe(true);
      });
    });`,
  'alone.test.js': `
    it('shares no module and no global with another file', () => {
      expect(globalThis.left).toBeUndefined();
      globalThis.left = true;
    });`,
  'beside.test.js': `
    it('shares no module and no global with another file either', () => {
      expect(globalThis.left).toBeUndefined();
      globalThis.left = true;
    });`,
  'bad.test.js': `it('fails', () => { expect(1).toBe(2); }); it('expects more', () => { expect.assertions(1); });`,
  'left-out.test.js': `
    it('is left out', () => { throw Object.assign(new Error('no /dev/kvm'), { name: 'Skipped' }); });`,
  'hung.test.js': `it('never ends', () => new Promise(() => setInterval(() => {}, 1_000)), 50);`,
  'broken.test.js': `throw new Error('not even begun');`,
  'ended.test.js': `it('ends its process', () => { console.error('the last words'); process.exit(0); });`,
  'loose.test.js': `
    it('leaves something behind', () => new Promise((resolve) => setTimeout(resolve, 50)) );
    setTimeout(() => { throw new Error('out of nowhere'); }, 5);`,
};
/** Of a project whose files share a process, in this order. */
const UNIT_FILES = {
  'shared-1.test.js': `
    it('leaves a clock, a method and a variable replaced', () => {
      globalThis[LEFT] = true;
      process.env.LEFT = 'yes';
      jest.spyOn(Math, 'random').mockReturnValue(4);
      jest.useFakeTimers();
      expect(Math.random()).toBe(4);
    });`,
  'shared-2.test.js': `
    it('finds the same process, and everything as it was', () => {
      expect(globalThis[LEFT]).toBe(true);
      expect(process.env.LEFT).toBeUndefined();
      expect('mock' in Math.random).toBe(false);
      expect(setTimeout.clock).toBeUndefined();
    });`,
  'shared-3.test.js': `it('ends its process', () => { process.exit(0); });`,
  'shared-4.test.js': `
    it('has a new one after that', () => { expect(globalThis[LEFT]).toBeUndefined(); });
    it('fails in it', () => { globalThis[LEFT] = true; expect(3).toBe(4); });`,
  'shared-5.test.js': `
    it('has a new one after that too', () => {
      expect(globalThis[LEFT]).toBeUndefined();
      globalThis[LEFT] = true;
      globalThis.fetch = () => null;
    });`,
  'shared-6.test.js': `it('has a new one where a global was replaced', () => { expect(globalThis[LEFT]).toBeUndefined(); });`,
};
const built = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

let lines: readonly string[];
let status: number | null;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-runner-'));
  for (const [name, text] of Object.entries({ ...FILES, ...UNIT_FILES })) {
    const imports = `import { beforeEach, describe, expect, it, jest } from '@jest/globals';\nimport { readFileSync } from 'node:fs';\nconst LEFT = Symbol.for('left');\n`;
    writeFileSync(join(folder, name), imports + text);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const project = (displayName: string, files: object) => ({
    displayName,
    rootDir: folder,
    testMatch: Object.keys(files).map((name) => `<rootDir>/${name}`),
    transform: {},
    runner: built('runner.js'),
  });
  const config = {
    rootDir: folder,
    projects: [project('e2e', FILES), project('unit', UNIT_FILES)],
    testSequencer: built('sequencer.js'),
    reporters: [built('reporter.js')],
    maxWorkers: 1,
    watchman: false,
  };
  const jestProgram = createRequire(import.meta.url).resolve('jest/bin/jest');
  const run = spawnSync(process.execPath, [jestProgram, '--config', JSON.stringify(config)], { encoding: 'utf8' });
  lines = run.stdout.split('\n');
  status = run.status;
  rmSync(folder, { recursive: true });
});

const line = (start: string): string | undefined => lines.find((candidate) => candidate.startsWith(start));
const failure = (name: string): string => {
  const at = lines.indexOf(`FAILED  ${name}`);
  return at < 0 ? '' : lines.slice(at, lines.indexOf('', at)).join('\n');
};

describe('the runner', () => {
  it('gives each file of whole stacks a process of its own', () => {
    for (const file of ['good', 'alone', 'beside']) expect(line(`ok    ${file}.test.js`)).toBeDefined();
    expect(line('ok    good.test.js (3 tests')).toBeDefined();
  });

  it('runs unit tests one after another in one process, each as if it were the first, and in a new one after a failure and where a global was replaced', () => {
    for (const file of ['shared-1', 'shared-2', 'shared-5', 'shared-6'])
      expect(line(`ok    ${file}.test.js`)).toBeDefined();
  });

  it('reports what fails, what hangs and what expects more', () => {
    expect(failure('fails')).toContain('Expected: 2');
    expect(failure('expects more')).toContain('expect.assertions(1)');
    expect(failure('never ends')).toContain('Exceeded timeout of 50 ms');
  });

  it('prints why a test was left out', () => {
    expect(line('  skipped: is left out (no /dev/kvm)')).toBeDefined();
  });

  it('counts a file that can’t be loaded, ends its process or throws beside its tests as failed', () => {
    const report = lines.join('\n');
    expect(report).toMatch(/FAILED {2}the file could not be begun\n\s+broken\.test\.js:\d\n\s+Error: not even begun/);
    expect(report).toMatch(/Its process ended without a result \(code 0\)\.\n\s+the last words/);
    expect(line('3 files could not be begun')).toBeDefined();
    expect(failure('leaves something behind')).toContain('out of nowhere');
  });

  it('ends with how many passed and failed, and with a code', () => {
    const last = lines.filter((candidate) => candidate !== '').at(-1);
    expect(last).toMatch(/^\d+ passed, \d+ failed$/);
    expect(status).toBe(1);
  });
});
