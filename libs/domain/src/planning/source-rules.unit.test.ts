import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { isRefused, planRestore, type ProblemCode, type RestorePlan } from '../index.js';
import { aPointDisk, planningFacts, type FactChanges } from '../builders/index.js';

const plan = (changes: FactChanges = {}): RestorePlan => planRestore(planningFacts(changes));

function refusedFor(code: ProblemCode, changes: FactChanges, said: RegExp, fix = /./): void {
  const made = plan(changes);
  const found = made.problems.find((problem) => problem.code === code && problem.severity === 'error');
  assert.ok(found, `no error ${code} in ${JSON.stringify(made.problems)}`);
  expect(found.message).toMatch(said);
  expect(found.fix).toMatch(fix);
  expect(isRefused(made)).toBe(true);
}

function warnedOf(code: ProblemCode, changes: FactChanges, said: RegExp): void {
  const made = plan(changes);
  const found = made.problems.find((problem) => problem.code === code);
  assert.equal(found?.severity, 'warning', JSON.stringify(made.problems));
  expect(found.message).toMatch(said);
  assert.equal(isRefused(made), false, JSON.stringify(made.problems));
}

describe('a plan', () => {
  it('has no problems where nothing stands against the restore', () => {
    const made = plan();
    expect(made.problems).toStrictEqual([]);
    expect(made.restorePoint.os).toStrictEqual({ family: 'linux' });
    expect(made.destination).toStrictEqual({
      kind: 'new',
      subscriptionId: '00000000-0000-4000-8000-000000000001',
      resourceGroup: 'apps',
      region: 'westeurope',
      zone: null,
      vmName: 'web',
      size: 'Standard_D2s_v5',
      subnetId:
        '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/apps/providers/Microsoft.Network/virtualNetworks/net/subnets/machines',
      privateIp: null,
    });
  });

  it('takes the steps of a restore to a new location with a worker', () => {
    const applying = plan().steps.filter((step) => step.applies);
    expect(applying.map((step) => step.number)).toStrictEqual([0, 3, 4, 5, 6, 7, 10, 11]);
  });

  it('needs no worker for a direct transfer, and says why', () => {
    const made = plan({ request: { transfer: 'direct' } });
    expect(made.workers).toStrictEqual([]);
    for (const number of [4, 6, 7]) {
      expect(made.steps[number]?.applies).toBe(false);
      expect(made.steps[number]?.why).toBe('the disks are written directly');
    }
  });

  it('makes no VM where only disks are wanted', () => {
    const made = plan({ request: { disksOnly: true } });
    expect(made.steps.filter((step) => step.applies).map((step) => step.number)).toStrictEqual([0, 3, 4, 5, 6, 7]);
    expect(made.destination.vmName).toBe(null);
    expect(made.destination.size).toBe(null);
    expect(made.disks[0]?.azureName).toBe('web-os');
  });
});

describe('a point', () => {
  it('of level file is refused, without a word on firmware', () => {
    const changes: FactChanges = { point: { level: 'file', disks: [] }, machine: { boots: [] } };
    refusedFor('POINT_UNSUPPORTED', changes, /files of "web"/);
    expect(plan(changes).problems.map((problem) => problem.code)).toStrictEqual(['POINT_UNSUPPORTED']);
  });

  it('without disks is refused', () => {
    refusedFor('POINT_UNSUPPORTED', { point: { disks: [] } }, /holds no disk/);
  });

  it('in a repository hosted by a provider is refused', () => {
    refusedFor('REPOSITORY_HOSTED', { hostedByProvider: true }, /"backups" is hosted/);
  });

  it('that is a snapshot is refused in this version', () => {
    refusedFor('NOT_AVAILABLE', { point: { kind: 'snapshot' } }, /Azure snapshot/);
  });

  it('carries its own problems into the plan', () => {
    const problem = {
      severity: 'error',
      code: 'CHAIN_BROKEN',
      message: 'A full backup is gone.',
      fix: 'Take an older one.',
    } as const;
    refusedFor('CHAIN_BROKEN', { point: { problems: [problem] } }, /full backup is gone/);
  });

  it('shows what was odd on its disks', () => {
    const problem = {
      severity: 'warning',
      code: 'TABLE_DAMAGED',
      message: 'The GPT of sda is damaged.',
      fix: 'Repair it.',
    } as const;
    warnedOf('TABLE_DAMAGED', { machine: { problems: [problem] } }, /GPT of sda/);
  });

  it('refuses what could not start, unless only its disks are wanted', () => {
    for (const code of ['ARCHITECTURE', 'SECTOR_SIZE'] as const) {
      const problem = { severity: 'error', code, message: 'It does not start.', fix: 'Nothing.' } as const;
      refusedFor(code, { machine: { problems: [problem] } }, /does not start/);
      warnedOf(code, { machine: { problems: [problem] }, request: { disksOnly: true } }, /does not start/);
    }
    const other = { severity: 'error', code: 'NOT_RAW', message: 'It is qcow2.', fix: 'Convert it.' } as const;
    refusedFor('NOT_RAW', { machine: { problems: [other] }, request: { disksOnly: true } }, /qcow2/);
  });

  it('tells which parts of the source VM will not come back', () => {
    warnedOf('NOT_RESTORED', { point: { azure: { nics: [{}, {}] } } }, /2 network interfaces/);
    warnedOf('NOT_RESTORED', { point: { azure: { tags: { owner: 'dba' } } } }, /tags of "web"/);
  });
});

describe('the firmware', () => {
  it('makes a BIOS image Generation 1 and a UEFI image Generation 2', () => {
    expect(plan({ machine: { boots: ['bios'] } }).generation).toBe(1);
    expect(plan({ machine: { boots: ['uefi'] } }).generation).toBe(2);
  });

  it('that is unknown is an error, never a guess', () => {
    refusedFor('FIRMWARE_UNKNOWN', { machine: { boots: [] } }, /Nothing that boots/, /--generation 1 .*--generation 2/);
    expect(plan({ machine: { boots: [] } }).generation).toBe(null);
  });

  it('that is unknown is a warning once the user gives a generation', () => {
    for (const generation of [1, 2] as const) {
      const changes: FactChanges = { machine: { boots: [] }, request: { generation } };
      warnedOf('FIRMWARE_UNKNOWN', changes, new RegExp(`Generation ${generation} VM because that was asked for`));
      expect(plan(changes).generation).toBe(generation);
    }
  });

  it('is taken from the manifest where the disks show nothing', () => {
    expect(plan({ point: { firmware: 'uefi' }, machine: { boots: [] } }).generation).toBe(2);
  });

  it('is unknown where manifest and disks disagree', () => {
    const changes: FactChanges = { point: { firmware: 'uefi' }, machine: { boots: ['bios'] } };
    refusedFor('FIRMWARE_UNKNOWN', changes, /manifest .* says UEFI, but its disks boot with BIOS/);
  });

  it('of a disk that boots both ways gives Generation 1 with a warning, unless the manifest decides', () => {
    warnedOf('FIRMWARE_UNKNOWN', { machine: { boots: ['bios', 'uefi'] } }, /becomes a Generation 1 VM/);
    const decided = plan({ point: { firmware: 'uefi' }, machine: { boots: ['bios', 'uefi'] } });
    expect(decided.generation).toBe(2);
    expect(decided.problems).toStrictEqual([]);
  });

  it('contradicts a generation that it cannot boot', () => {
    refusedFor('CONTRADICTION', { request: { generation: 2 } }, /boots with BIOS only/, /--generation 1/);
    const uefi: FactChanges = { machine: { boots: ['uefi'] }, request: { generation: 1 } };
    refusedFor('CONTRADICTION', uefi, /boots with UEFI only/, /--generation 2/);
  });

  it('of a UEFI computer needs a conversion that is not there, or an experimental Generation 2', () => {
    const computer: FactChanges = { point: { kind: 'computer', firmware: 'uefi' }, machine: { boots: ['uefi'] } };
    refusedFor('NOT_AVAILABLE', computer, /UEFI computer/, /--generation 2/);
    warnedOf('GEN2_EXPERIMENTAL', { ...computer, request: { generation: 2 } }, /experimental/);
    expect(plan({ ...computer, request: { generation: 2 } }).generation).toBe(2);
  });

  it('of a BIOS computer gives Generation 1, and no other', () => {
    expect(plan({ point: { kind: 'computer' } }).generation).toBe(1);
    refusedFor('CONTRADICTION', { point: { kind: 'computer' }, request: { generation: 2 } }, /BIOS only/);
  });

  it('does not matter where only disks are wanted', () => {
    const made = plan({ machine: { boots: [] }, request: { disksOnly: true } });
    expect(made.problems).toStrictEqual([]);
    expect(made.generation).toBe(null);
  });

  it('is not asked for where no volume that boots was backed up', () => {
    const changes: FactChanges = { point: { kind: 'computer', level: 'volume' }, machine: { boots: [] } };
    refusedFor('NO_BOOT_VOLUME', changes, /No volume that boots/, /--disks-only/);
  });
});

describe('LVM', () => {
  const volumeGroups = [{ name: 'vg0', sizeBytes: 1 }];

  it('on a computer is refused, unless only its disks are wanted', () => {
    const changes: FactChanges = { point: { kind: 'computer' }, machine: { volumeGroups } };
    refusedFor('LVM_UNSUPPORTED', changes, /"vg0"/, /--disks-only/);
    warnedOf('LVM_UNSUPPORTED', { ...changes, request: { disksOnly: true } }, /restored as they were/);
  });

  it('on an image of a VM is nothing special', () => {
    expect(plan({ machine: { volumeGroups } }).problems).toStrictEqual([]);
  });
});

describe('a request', () => {
  it('for an isolated machine gets a network of its own, and no address in another', () => {
    const { destination, options, steps, problems } = plan({ request: { isolated: true, transfer: 'direct' } });
    expect(problems).toStrictEqual([]);
    expect([destination.subnetId, destination.privateIp, options.isolated]).toStrictEqual([null, null, true]);
    expect(steps.find(({ id }) => id === 'create-vm')?.why).toMatch(/network of its own that leads nowhere and stays/);
    const wanted = { isolated: true, destination: { kind: 'new' as const, privateIp: '10.0.0.9' } };
    refusedFor('CONTRADICTION', { request: wanted }, /network of its own/, /--private-ip/);
    warnedOf('CONTRADICTION', { request: { isolated: true, disksOnly: true } }, /--isolated means nothing/);
  });

  it('for an isolated machine still needs a subnet for its worker', () => {
    expect(plan({ request: { isolated: true } }).destination.subnetId).not.toBe(null);
  });

  it('for a boot check on the serial console looks for a text that a console can show, or a prompt', () => {
    expect(plan({ request: { bootCheck: 'serial' } }).options).not.toHaveProperty('bootPattern');
    const wanted = { bootCheck: 'serial', bootPattern: 'web is up' } as const;
    expect(plan({ request: wanted }).options).toMatchObject(wanted);
    expect(plan({ request: wanted }).planHash).not.toBe(plan({ request: { bootCheck: 'serial' } }).planHash);
    refusedFor('CONTRADICTION', { request: { bootPattern: 'web is up' } }, /--boot-check none/, /--boot-check serial/);
    for (const bootPattern of ['  ', 'one\ntwo', 'x'.repeat(201)])
      refusedFor('CONTRADICTION', { request: { ...wanted, bootPattern } }, /can't be looked for/, /--boot-pattern/);
  });

  it('for a boot check of a VM that stays off contradicts itself', () => {
    refusedFor('CONTRADICTION', { request: { bootCheck: 'running', powerOn: false } }, /not to be powered on/);
  });

  it('for a new place stops no machine and waits for nobody', () => {
    expect(plan().options).not.toHaveProperty('maxStopSeconds');
    refusedFor(
      'CONTRADICTION',
      { request: { maxStopSeconds: 60 } },
      /--max-stop means nothing/,
      /Leave --max-stop out/,
    );
    refusedFor('CONTRADICTION', { request: { waitDays: 1 } }, /--wait-days means nothing/, /--to original/);
  });

  it('is told which options mean nothing without a VM', () => {
    const changes: FactChanges = {
      request: { disksOnly: true, destination: { size: 'Standard_D2s_v5', privateIp: '10.0.0.9' } },
    };
    warnedOf('CONTRADICTION', changes, /--size and --private-ip mean nothing/);
  });
});

describe('the disks', () => {
  const three = [aPointDisk({ name: 'sda' }), aPointDisk({ name: 'sdb' }), aPointDisk({ name: 'sdc' })];

  it('that are left out must exist, and may not be all', () => {
    const unknown: FactChanges = { point: { disks: three }, request: { excludeDisks: ['sdz'] } };
    refusedFor('DISK_NOT_FOUND', unknown, /no disk "sdz"/, /"sda", "sdb", "sdc"/);
    const all: FactChanges = {
      point: { disks: three },
      request: { excludeDisks: ['sda', 'sdb', 'sdc'], disksOnly: true },
    };
    refusedFor('CONTRADICTION', all, /nothing is left/);
  });

  it('can do without the OS disk only where no VM is made', () => {
    const changes: FactChanges = { point: { disks: three }, request: { excludeDisks: ['sda'] } };
    refusedFor('CONTRADICTION', changes, /OS disk "sda" is left out/, /--disks-only/);
    const made = plan({ ...changes, request: { excludeDisks: ['sda'], disksOnly: true } });
    expect(made.disks.map(({ name, role, lun }) => ({ name, role, lun }))).toStrictEqual([
      { name: 'sdb', role: 'data', lun: 0 },
      { name: 'sdc', role: 'data', lun: 1 },
    ]);
  });

  it('without bytes are refused by name, without a word on firmware', () => {
    const empty = plan({ point: { disks: [aPointDisk({ sizeBytes: 0 })] }, machine: { boots: [], bootDisk: null } });
    expect(empty.problems.map((problem) => problem.code)).toStrictEqual(['DISK_EMPTY']);
  });

  it('without bytes say how to leave them out', () => {
    refusedFor(
      'DISK_EMPTY',
      { point: { disks: [aPointDisk({ sizeBytes: 0 })] } },
      /"sda" has 0 bytes/,
      /--exclude-disk sda/,
    );
  });
});
