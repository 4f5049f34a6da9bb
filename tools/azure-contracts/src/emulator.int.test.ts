import { beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { Exchange } from '@landfall/azure-emulator';
import { ContractChecker } from './check/contract-checker.js';
import { PACKAGE_EXCEPTIONS, SPECIFICATION_EXCEPTIONS } from './check/exceptions.js';
import { coverage, coverageText } from './check/operation-table.js';
import { driveDisks } from './fixtures/drive-disks.fixture.test.js';
import { driveBadRequests, driveGroups } from './fixtures/drive-groups.fixture.test.js';
import { driveFaults } from './fixtures/drive-faults.fixture.test.js';
import { driveLocks, driveMoves } from './fixtures/drive-governance.fixture.test.js';
import { driveGuests } from './fixtures/drive-guests.fixture.test.js';
import { driveMachines } from './fixtures/drive-machines.fixture.test.js';
import { driveGroupRemoval, driveNetworks } from './fixtures/drive-networks.fixture.test.js';
import { driveReferred } from './fixtures/drive-referred.fixture.test.js';
import { driveSnapshots } from './fixtures/drive-snapshots.fixture.test.js';
import { startRecordedAzure } from './fixtures/recorded-azure.fixture.test.js';
import { assertNoFindings } from './fixtures/report.fixture.test.js';
import { publishedFacts } from './published/facts.js';
import { OperationIndex } from './published/operation.js';
import { packageOperations } from './published/packages.js';

/*
 * The emulated Azure against what Microsoft publishes: every operation is driven through the real clients and past them,
 * and every answer is held against the models.
 */
const DRIVES = [
  ...[
    driveGroups,
    driveBadRequests,
    driveDisks,
    driveSnapshots,
    driveNetworks,
    driveMachines,
    driveReferred,
    driveGuests,
  ],
  ...[driveLocks, driveMoves, driveFaults, driveGroupRemoval],
];

describe('the emulated Azure', () => {
  let exchanges: readonly Exchange[];
  let checker: ContractChecker;

  beforeAll(async () => {
    const azure = await startRecordedAzure();
    for (const drive of DRIVES) await drive(azure);
    await azure.close();
    exchanges = azure.exchanges;
    const index = new OperationIndex(await packageOperations());
    checker = new ContractChecker(index, { requests: 'accepted', source: 'whole', exceptions: PACKAGE_EXCEPTIONS });
    for (const exchange of exchanges) checker.check(exchange);
  });

  it('answers every request in a shape that Microsoft has published, and accepts no other', () => {
    assertNoFindings(checker.findings);
  });

  it('was asked for every operation of the table, also so that it had to refuse', () => {
    const covered = coverage(checker.statuses);
    console.log(coverageText(covered));
    expect(covered.filter(({ isCovered }) => !isCovered).map(({ operation }) => operation)).toStrictEqual([]);
  });

  it('was asked about operations in progress, by both of their URLs', () => {
    const polls = exchanges.filter(({ request }) => /operation(s|results)\//i.test(request.path));
    const inProgress = polls.filter(
      ({ answer }) => (answer.body as { status?: string } | undefined)?.status === 'InProgress',
    );
    const results = polls.filter(({ answer }) => answer.status === 202);
    assert.ok(
      inProgress.length > 0 && results.length > 0,
      `${inProgress.length} and ${results.length} of ${polls.length}`,
    );
  });

  it('agrees with the public specifications', () => {
    const facts = publishedFacts();
    const second = new ContractChecker(new OperationIndex(facts), {
      requests: 'accepted',
      source: 'part',
      exceptions: SPECIFICATION_EXCEPTIONS,
    });
    for (const exchange of exchanges) second.check(exchange);
    assertNoFindings(second.findings);
    expect(facts.filter(({ id }) => !second.statuses.has(id)).map(({ id }) => id)).toStrictEqual([]);
  });
});
