import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator, trustEmulator, type Exchange } from '@landfall/azure-emulator';
import { ContractChecker } from './check/contract-checker.js';
import { PACKAGE_EXCEPTIONS } from './check/exceptions.js';
import { describeFinding } from './check/finding.js';
import { factsText } from './published/facts.js';
import { OperationIndex } from './published/operation.js';
import { packageOperations } from './published/packages.js';
import { replay } from './replay/replay.js';
import { derivedFacts } from './swagger/facts.js';

/*
 * node dist/main.js check FILE    holds recorded exchanges against what Microsoft publishes
 * node dist/main.js replay FILE   sends the recorded requests to a fresh emulated Azure and compares the answers
 * node dist/main.js facts FOLDER  prints what the public specifications in FOLDER say: published-facts.json
 *
 * FILE holds a JSON document a line, as the emulator's `--record FILE` writes them. Prints what is wrong or different,
 * then one line that sums up; exits with 1 if there was anything.
 */
const [command, file] = process.argv.slice(2);
if (file === undefined || !['check', 'replay', 'facts'].includes(command ?? '')) {
  console.error('usage: main.js check|replay FILE, or facts FOLDER');
  process.exit(2);
}
if (command === 'facts') {
  process.stdout.write(factsText(await derivedFacts(file)));
  process.exit(0);
}

const exchanges = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Exchange);
const faults = command === 'check' ? await check() : await replayed();
process.exit(faults === 0 ? 0 : 1);

async function check(): Promise<number> {
  const index = new OperationIndex(await packageOperations());
  const checker = new ContractChecker(index, { requests: 'accepted', source: 'whole', exceptions: PACKAGE_EXCEPTIONS });
  for (const exchange of exchanges) checker.check(exchange);
  for (const finding of checker.findings) console.log(describeFinding(finding));
  const count = checker.findings.length;
  console.log(`${exchanges.length} exchanges of ${checker.statuses.size} operations, ${count} findings`);
  return count;
}

async function replayed(): Promise<number> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'landfall-replay-'));
  const emulator = await startEmulator({ dataDirectory, token: 'a-token-for-replays', subscriptionId: subscription() });
  try {
    trustEmulator(emulator);
    const { sent, passedOver, differences } = await replay(exchanges, emulator);
    for (const difference of differences) console.log(difference);
    console.log(`${sent} requests sent again, ${passedOver} passed over, ${differences.length} differences`);
    return differences.length;
  } finally {
    await emulator.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

/** The one that the recorded requests are about. */
function subscription(): string {
  const paths = exchanges.filter(({ answer }) => answer.status < 400).map(({ request }) => request.path);
  return /^\/subscriptions\/([^/]+)/i.exec(paths[0] ?? '')?.[1] ?? '00000000-0000-4000-8000-000000000000';
}
