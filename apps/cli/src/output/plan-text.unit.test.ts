import { describe, expect, it } from '@jest/globals';
import { RESTORE_PLAN } from '@landfall/contract';
import { planRestore } from '@landfall/domain';
import { originalFacts, planningFacts, TWO_DISKS, type OriginalChanges } from '@landfall/testing';
import { planText } from './plan-text.js';

/** As the API answers it. */
const shown = (changes: OriginalChanges = {}): string =>
  planText(RESTORE_PLAN.parse(planRestore(originalFacts(changes))));

describe('a plan for the original place on the screen', () => {
  it('names the machine that is replaced, and how it was found', () => {
    expect(shown()).toMatch(/^Replaces\n {2}\/subscriptions\/\S+\/web\n {2}vmId 5f0c\S+, running$/m);
    expect(shown({ now: { vm: { powerState: null } } })).toMatch(/in an unknown state$/m);
  });

  it('says of each of its disks whether it is removed or kept', () => {
    const text = shown({ then: {}, now: { disks: [...TWO_DISKS, { name: 'late', lun: 2 }] } });
    expect(text).toMatch(/^ {2}web-os +- +removed; os takes its place$/m);
    expect(text).toMatch(/^ {2}web-data +0 +removed; lun0 takes its place$/m);
    expect(text).toMatch(/^ {2}late +2 +kept, and attached again$/m);
  });

  it('says what stays', () => {
    expect(shown()).toMatch(/network interfaces +web-nic\n +public addresses +web-ip$/m);
    const target = originalFacts().target.original!;
    const withoutAddress = { ...target, saved: { ...target.saved!, publicIps: [] } };
    expect(shown({ target: { original: withoutAddress } })).not.toMatch(/public addresses/);
  });

  it('says for how long the machine is gone, and that somebody has to agree', () => {
    const text = shown({ request: { maxStopSeconds: 7_200, waitDays: 1 } });
    expect(text).toMatch(/gone for about \d+ min \d+ s$/m);
    expect(text).toMatch(/may stand still for 2 h 00 min before/);
    expect(text).toMatch(/approved this plan .*waited for a day$/m);
    expect(shown()).toMatch(/waited for 7 days$/m);
    expect(shown()).toMatch(/by way of +resource group landfall-staging-ID/);
  });
});

describe('a boot check on the screen', () => {
  it('is told of copies, also where there is none, and which disks they boot without', () => {
    expect(shown()).toMatch(
      /boot check +copies of the new disks, before the machine is stopped: running, as Azure reports/,
    );
    expect(shown({ request: { bootCheck: 'none' } })).toMatch(/boot check +none$/m);
    const kept = shown({ then: {}, now: { disks: [...TWO_DISKS, { name: 'late', lun: 2 }] } });
    expect(kept).toMatch(/8 +check-boot +copies of the new disks, without what is kept \("late"\), have to run/);
  });

  it('says for what the console is looked through, and which network an isolated machine has', () => {
    const text = (request: object) => planText(RESTORE_PLAN.parse(planRestore(planningFacts({ request }))));
    expect(text({ bootCheck: 'serial' })).toMatch(/the machine: the serial console shows a prompt$/m);
    expect(text({ bootCheck: 'serial', bootPattern: 'open' })).toMatch(/the serial console shows "open"$/m);
    expect(text({ isolated: true })).toMatch(
      /network +one of its own that leads nowhere, which stays with the machine$/m,
    );
  });
});

describe('a plan for a new place on the screen', () => {
  it('speaks of no machine that is replaced', () => {
    const text = planText(RESTORE_PLAN.parse(planRestore(planningFacts())));
    expect(text).not.toMatch(/Replaces|Cut-over|by way of|approve/);
    expect(text).toMatch(/This restore can be made/);
  });
});
