import { describe, expect, it } from '@jest/globals';
import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { Secret, WaitingError, type BudgetAnswer, type BudgetedRequest, type RequestBudget } from '@landfall/domain';
import { MemoryJournal } from '@landfall/testing';
import { AzureCloud } from './azure-cloud.js';
import { connectClients } from './connection.js';

const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';

class RecordingBudget implements RequestBudget {
  readonly taken: BudgetedRequest[] = [];
  readonly answers: BudgetAnswer[] = [];
  spent = false;

  async take(request: BudgetedRequest): Promise<void> {
    if (this.spent) {
      const details = { code: 'AZURE_BUDGET_SPENT', message: 'Spent.', fix: 'Wait.' };
      throw new WaitingError(details, { retryAfterMs: 1_000 });
    }
    this.taken.push(request);
  }

  async answered(_request: BudgetedRequest, answer: BudgetAnswer): Promise<void> {
    this.answers.push(answer);
  }

  async close(): Promise<void> {}
}

describe('requests to Azure and their budget', () => {
  it('takes every request by its kind, and the client’s own repetitions, too', async () => {
    const { cloud, budget, statuses } = connected();
    statuses.push([429, { 'retry-after': '0' }], [404, {}]);
    expect(await cloud.reader.disk(cloud.reader.diskId('apps', 'd'))).toBe(null);
    expect(budget.taken).toStrictEqual([1, 2].map(() => ({ kind: 'read', vm: null })));
    expect(budget.answers[0]).toStrictEqual({ status: 429, retryAfterMs: 0, remaining: null });
  });

  it('names the VM that is changed, but not one that is read', async () => {
    const { cloud, budget, statuses } = connected();
    const vmId = cloud.reader.vmId('apps', 'web');
    const model = { id: vmId, name: 'web', properties: { provisioningState: 'Succeeded' } };
    statuses.push([200, {}, model], [400, { 'x-ms-ratelimit-remaining-subscription-writes': '17' }], [200, {}, model]);
    await expect(cloud.machines.start(vmId, new MemoryJournal('r1'))).rejects.toThrow();
    expect(budget.taken.slice(0, 2)).toStrictEqual([
      { kind: 'read', vm: null },
      { kind: 'write', vm: vmId },
    ]);
    expect(budget.answers[1]?.remaining).toBe(17);
  });

  it('takes the least of all counts that Azure says are left, the provider’s own among them', async () => {
    const { cloud, budget, statuses } = connected();
    const counts = {
      'x-ms-ratelimit-remaining-subscription-reads': '11999',
      'x-ms-ratelimit-remaining-subscription-global-reads': '16499',
      'x-ms-ratelimit-remaining-resource':
        'Microsoft.Compute/LowCostGet3Min;39,Microsoft.Compute/LowCostGet30Min;27998',
    };
    statuses.push([404, counts], [404, { 'x-ms-ratelimit-remaining-subscription-global-reads': '12' }]);
    for (const name of ['d', 'e']) await cloud.reader.disk(cloud.reader.diskId('apps', name));
    expect(budget.answers.map(({ remaining }) => remaining)).toStrictEqual([39, 12]);
  });

  it('passes over a count that is none', async () => {
    const { cloud, budget, statuses } = connected();
    statuses.push([404, { 'x-ms-ratelimit-remaining-resource': 'Microsoft.Compute/LowCostGet3Min;-1,odd,;;,x;1e3' }]);
    await cloud.reader.disk(cloud.reader.diskId('apps', 'd'));
    expect(budget.answers[0]?.remaining).toBe(null);
  });

  it('sends nothing when the budget is spent, and says when to come back', async () => {
    const { cloud, budget, sent } = connected();
    budget.spent = true;
    const error = await cloud.reader.disk(cloud.reader.diskId('apps', 'd')).catch((thrown: unknown) => thrown);
    expect(error instanceof WaitingError && error.code === 'AZURE_BUDGET_SPENT').toBe(true);
    expect(sent()).toBe(0);
  });

  it('keeps an operation as under way whose polls can’t be sent for now', async () => {
    const { cloud, budget, statuses } = connected();
    const vmId = cloud.reader.vmId('apps', 'web');
    const model = { id: vmId, name: 'web', properties: { provisioningState: 'Succeeded' } };
    const operation = `https://management.azure.com/subscriptions/${SUBSCRIPTION}/operations/1?api-version=1`;
    statuses.push([200, {}, model], [202, { 'azure-asyncoperation': operation, 'retry-after': '0' }]);
    const journal = new MemoryJournal('r1');
    const submitted = journal.submitted.bind(journal);
    journal.submitted = async (key, state) => {
      budget.spent = true;
      return submitted(key, state);
    };
    await expect(cloud.machines.start(vmId, journal)).rejects.toMatchObject({
      code: 'AZURE_BUDGET_SPENT',
      kind: 'waiting',
    });
    expect(journal.entry('vm.start:web')?.state).toBe('submitted');
  });
});

type Scripted = [status: number, headers: Record<string, string>, body?: object];

function connected() {
  const budget = new RecordingBudget();
  const statuses: Scripted[] = [];
  let sent = 0;
  const transport: HttpClient = {
    async sendRequest(request) {
      sent += 1;
      const [status, headers, body = { error: { code: 'ResourceNotFound', message: 'Gone.' } }] = statuses.shift() ?? [
        404,
        {},
      ];
      return {
        request,
        status,
        headers: createHttpHeaders({ 'content-type': 'application/json', ...headers }),
        bodyAsText: JSON.stringify(body),
      };
    },
  };
  const settings = { subscriptionId: SUBSCRIPTION, applianceId: 'a', token: new Secret('t'), budget };
  return { cloud: new AzureCloud(connectClients(settings, transport), 'a'), budget, statuses, sent: () => sent };
}
