import { describe, expect, it } from '@jest/globals';
import { makingsFromStopOn, makingsOf, planRestore, policyProblems, type JudgedMaking } from '../index.js';
import { aLivingVm, originalFacts, planningFacts } from '../builders/index.js';

const MAKER = { applianceId: 'appliance-1', restoreId: 'r1234' };
const SCOPE = '/subscriptions/s/providers/Microsoft.Authorization';
const DENIAL = {
  ...{ assignmentId: `${SCOPE}/policyAssignments/eu`, definitionId: `${SCOPE}/policyDefinitions/places` },
  reason: 'Only in Europe.',
};
const DENIED = { denials: [DENIAL], untold: null };
const PASSED = { denials: [], untold: null };

/** Of a restore that nothing else stands against, with what policies say to each thing that it makes. */
function judgedBy(answer: JudgedMaking['answer'], kinds: readonly string[] = []): readonly JudgedMaking[] {
  return makingsOf(planRestore(planningFacts()), null, MAKER).map((making) => ({
    ...making,
    answer: kinds.includes(making.made.kind) ? answer : PASSED,
  }));
}

const shortly = (makings: ReturnType<typeof makingsOf>) =>
  makings.map(({ name, made }) => [
    made.kind,
    name,
    'resourceGroup' in made.spec ? made.spec.resourceGroup : 'name' in made.spec ? made.spec.name : '',
  ]);

describe('what a plan makes, as policies are asked about it', () => {
  it('is its disks, the network interface and the VM, where it goes to a new place', () => {
    expect(shortly(makingsOf(planRestore(planningFacts()), null, MAKER))).toStrictEqual([
      ['disk', 'web-os', 'apps'],
      ['nic', 'web-nic', 'apps'],
      ['vm', 'web', 'apps'],
    ]);
  });

  it('is the disks alone where no VM is wanted, and nothing of which the plan leaves open what it needs', () => {
    const alone = planRestore(planningFacts({ request: { disksOnly: true } }));
    expect(makingsOf(alone, null, MAKER).map(({ made }) => made.kind)).toStrictEqual(['disk']);
    const unbootable = planRestore(planningFacts({ machine: { boots: [] } }));
    expect(makingsOf(unbootable, null, MAKER).map(({ made }) => made.kind)).toStrictEqual(['nic', 'vm']);
    const nowhere = planRestore(planningFacts({ target: { subnetsInResourceGroup: [] } }));
    expect(nowhere.destination.subnetId).toBe(null);
    expect(makingsOf(nowhere, null, MAKER).map(({ made }) => made.kind)).toStrictEqual(['disk']);
  });

  it('leaves out the network interface of a machine whose network is made for it alone', () => {
    const isolated = planRestore(planningFacts({ request: { isolated: true } }));
    expect(makingsOf(isolated, null, MAKER).map(({ made }) => made.kind)).toStrictEqual(['disk', 'vm']);
  });

  it('is nothing where it is not known where it goes', () => {
    const facts = { settings: { defaultResourceGroup: null }, target: { resourceGroup: null } };
    expect(makingsOf(planRestore(planningFacts(facts)), null, MAKER)).toStrictEqual([]);
  });

  it('is at the original place all that is made: first in staging, and from the stop on where the machine is', () => {
    const plan = planRestore(originalFacts());
    const { saved } = aLivingVm();
    const fromStopOn = [
      ['resource-group', 'landfall-safety', 'landfall-safety-r1234'],
      ['snapshot', 'of web-os', 'landfall-safety-r1234'],
      ['snapshot', 'of web-data', 'landfall-safety-r1234'],
      ['disk', 'web-os', 'apps'],
      ['disk', 'web-data', 'apps'],
      ['vm-anew', 'web', ''],
    ].sort();
    expect(shortly(makingsFromStopOn(plan, saved!, MAKER)).sort()).toStrictEqual(fromStopOn);
    const before = [
      ['resource-group', 'landfall-staging', 'landfall-staging-r1234'],
      ['disk', 'web-os', 'landfall-staging-r1234'],
      ['disk', 'web-data', 'landfall-staging-r1234'],
    ];
    expect(shortly(makingsOf(plan, saved, MAKER)).sort()).toStrictEqual([...before, ...fromStopOn].sort());
  });

  it('names the disks under which the machine will have them, and those that it keeps', () => {
    const plan = planRestore(originalFacts());
    const vm = makingsOf(plan, aLivingVm().saved, MAKER).find(({ made }) => made.kind === 'vm-anew')?.made;
    expect(vm?.spec).toMatchObject({
      osDiskId: expect.stringMatching(/resourceGroups\/apps\/.*\/disks\/web-os-r1234$/),
      dataDisks: [{ diskId: expect.stringMatching(/resourceGroups\/apps\/.*\/disks\/web-data-r1234$/), lun: 0 }],
    });
  });
});

describe('a policy that denies', () => {
  it('refuses the plan, and is told with its ids, its reason and what it denies', () => {
    const plan = planRestore(planningFacts({ policies: judgedBy(DENIED, ['disk', 'vm']) }));
    expect(plan.problems).toStrictEqual([
      {
        ...{ severity: 'error', code: 'POLICY_DENIED' },
        message: `An Azure policy denies the disk "web-os": the assignment ${DENIAL.assignmentId} of ${DENIAL.definitionId} (Only in Europe).`,
        fix: expect.stringContaining(`--policy-assignment ${DENIAL.assignmentId}`),
      },
      {
        ...{ severity: 'error', code: 'POLICY_DENIED' },
        message: expect.stringMatching(/denies the VM "web": /),
        fix: expect.anything(),
      },
    ]);
  });

  it('is told once for all that it denies of a kind, whichever restore the plan is for', () => {
    const plan = planRestore(originalFacts());
    const judged = (restoreId: string) =>
      makingsOf(plan, aLivingVm().saved, { ...MAKER, restoreId }).map((making) => ({ ...making, answer: DENIED }));
    const problems = policyProblems(judged('r1'));
    expect(problems.map(({ message }) => /denies the ([^:]*):/.exec(message)?.[1]).sort()).toStrictEqual([
      'VM "web"',
      'disk "web-os", "web-data"',
      'resource group "landfall-staging", "landfall-safety"',
      'snapshot "of web-os", "of web-data"',
    ]);
    expect(policyProblems(judged('r2'))).toStrictEqual(problems);
  });

  it('is no problem of the plan where all pass', () => {
    expect(planRestore(planningFacts({ policies: judgedBy(PASSED) })).problems).toStrictEqual([]);
  });
});

describe('policies that nobody could ask about', () => {
  it.each([
    ['PERMISSION', 'PERMISSION'],
    ['PROVIDER_NOT_REGISTERED', 'PROVIDER_NOT_REGISTERED'],
    ['AZURE_REFUSED', 'POLICY_DENIED'],
  ])('are told of in a warning, once, and refuse nothing (%s)', (code, told) => {
    const answer = { denials: [], untold: { code, message: 'Azure did not tell.', fix: 'Ask it to.' } };
    const { problems } = planRestore(planningFacts({ policies: judgedBy(answer, ['disk', 'nic', 'vm']) }));
    expect(problems).toStrictEqual([
      {
        severity: 'warning',
        code: told,
        message: expect.stringMatching(/is not known.* Azure did not tell\.$/),
        fix: 'Ask it to.',
      },
    ]);
  });
});
