import { expect, test } from '@jest/globals';
import { AZURES_OWN, reportOf, type LoggedCall } from './cut-over.js';

const KINDS = AZURES_OWN.map(([, name], index) => ({ name, delayMs: 10_000 * (index + 1) }));

function call(second: number, operation: string, changes: Partial<LoggedCall> = {}): LoggedCall {
  const at = new Date(Date.UTC(2026, 1, 1) + second * 1_000).toISOString();
  return { at, operation, method: 'POST', status: 202, ...changes };
}

test('the outage lasts from the last stop before the removal to the end of the VM that is made anew, less Azure’s own share', () => {
  const calls = [
    call(0, 'VirtualMachines_CreateOrUpdate'),
    call(5, 'VirtualMachines_Deallocate'),
    call(100, 'VirtualMachines_Deallocate'),
    call(140, 'VirtualMachines_Delete'),
    call(240, 'VirtualMachines_CreateOrUpdate', { status: 409 }),
    call(255, 'VirtualMachines_CreateOrUpdate'),
    call(300, 'VirtualMachines_Deallocate'),
  ];
  // 155 s and 60 s of the last operation; 10 + 20 + … + 60 s are Azure's.
  expect(reportOf(calls, KINDS).data).toMatchObject({ outageSeconds: 215, restSeconds: 5, holds: true });
  const late = calls.map((each) => (each.at > calls[4]!.at ? { ...each, at: call(280, '').at } : each));
  expect(reportOf(late, KINDS).data).toMatchObject({ outageSeconds: 240, restSeconds: 30, holds: false });
});
