import { describe, expect, it } from '@jest/globals';
import { RetryableError, type CloudUsage } from '@landfall/domain';
import { MemoryCloud } from '@landfall/testing';
import { askedOnce } from './asked-once.js';

describe('What several plans ask of Azure at once', () => {
  const asked: string[] = [];
  let answers: ((outcome: { usages: CloudUsage[] } | { error: Error }) => void)[] = [];
  const azure = Object.assign(new MemoryCloud().reader, {
    usages: (region: string) => {
      asked.push(region);
      return new Promise<CloudUsage[]>((resolve, reject) => {
        answers.push((outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.usages)));
      });
    },
  });
  const reader = askedOnce(azure);
  const cores = (current: number): CloudUsage[] => [{ name: 'cores', current, limit: 100 }];
  const begin = (): void => {
    asked.length = 0;
    answers = [];
  };

  it('is asked once, and once for each region', async () => {
    begin();
    const [first, second, other] = ['westeurope', 'westeurope', 'northeurope'].map((region) => reader.usages(region));
    expect(asked).toStrictEqual(['westeurope', 'northeurope']);
    answers[0]!({ usages: cores(1) });
    answers[1]!({ usages: cores(2) });
    expect(await Promise.all([first, second, other])).toStrictEqual([cores(1), cores(1), cores(2)]);
  });

  it('is asked anew once it has been answered', async () => {
    begin();
    const before = reader.usages('westeurope');
    answers[0]!({ usages: cores(1) });
    await before;
    const after = reader.usages('westeurope');
    answers[1]!({ usages: cores(9) });
    expect(await after).toStrictEqual(cores(9));
  });

  it('is asked anew once it has failed for all who waited', async () => {
    begin();
    const waiting = [reader.usages('westeurope'), reader.usages('westeurope')];
    answers[0]!({ error: new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'No answer.', fix: 'Wait.' }) });
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'AZURE_UNREACHABLE' });
    const after = reader.usages('westeurope');
    answers[1]!({ usages: cores(3) });
    expect(await after).toStrictEqual(cores(3));
  });
});
