import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  followed,
  IDS,
  REGION,
  send,
  settings,
  startRecordedAzure,
  SUBSCRIPTION,
  type RecordedAzure,
  type Sent,
} from '../fixtures/recorded-azure.fixture.test.js';
import { differences, recordings, type Recording, type Step } from './recording.js';

/* The emulated Azure against what the real one was recorded to answer. */
describe('the emulated Azure answers as Azure was recorded to', () => {
  let azure: RecordedAzure;
  beforeAll(async () => (azure = await startRecordedAzure()));
  afterAll(() => azure.close());

  for (const recording of recordings()) {
    it(`${recording.name}: ${recording.source}`, async () => {
      expect(await played(recording)).toStrictEqual([]);
    });
  }

  /** Everything that was answered in another way. */
  async function played({ name, steps, given = {}, settings: values = {} }: Recording): Promise<readonly string[]> {
    const before = (await send(azure, 'GET', '/_emulator/settings')).body as Readonly<Record<string, unknown>>;
    const group = `/subscriptions/${SUBSCRIPTION}/resourceGroups/recorded-${name}`;
    await send(azure, 'PUT', `${group}?api-version=2025-04-01`, { location: REGION });
    const filled = (text: string): string =>
      Object.entries({ ...PLACES, group }).reduce((whole, [key, value]) => whole.replaceAll(`{${key}}`, value), text);
    const found: string[] = [];
    for (const [path, resource] of Object.entries(given)) {
      const body = JSON.parse(filled(JSON.stringify({ location: REGION, ...resource }))) as unknown;
      const made = await send(azure, 'PUT', `${group}/providers/${path}?api-version=${versionFor(path)}`, body);
      if (made.status >= 400) found.push(`${path} could not be made: ${JSON.stringify(made.body)}`);
      else await followed(azure, made);
    }
    await settings(azure, values);
    for (const step of steps) {
      const differs = await compared(step, filled);
      found.push(...differs.map((difference) => `${step.fact ?? step.request.join(' ')}: ${difference}`));
    }
    await settings(azure, Object.fromEntries(Object.keys(values).map((key) => [key, before[key]])));
    return found;
  }

  async function compared(step: Step, filled: (text: string) => string): Promise<readonly string[]> {
    const { request, body, status, headers, shows, lacks, operation, leaves } = JSON.parse(
      filled(JSON.stringify(step)),
    ) as Step;
    const [method, path] = request;
    const answer = await send(azure, method, path, body);
    return [
      ...(status === undefined || status === answer.status
        ? []
        : [`status ${answer.status} and not ${status}: ${JSON.stringify(answer.body)}`]),
      ...headerDifferences(headers ?? {}, answer),
      ...differences({ shows, lacks }, answer.body),
      ...(leaves === true ? [] : await ended(answer, operation)),
    ];
  }

  async function ended(accepted: Sent, expected: Step['operation']): Promise<readonly string[]> {
    if (accepted.status >= 400) return [];
    const last = (await followed(azure, accepted)).findLast(
      ({ body }) => !accepted.headers.has('azure-asyncoperation') || isStatus(body),
    );
    if (expected === undefined) return [];
    if (last === undefined) return ['nothing was to be polled'];
    const wrongStatus = expected.status !== undefined && expected.status !== last.status;
    return [
      ...(wrongStatus ? [`the operation ended with ${last.status} and not ${expected.status}`] : []),
      ...differences(expected, last.body).map((difference) => `the operation's ${difference}`),
    ];
  }
});

const PLACES = { subscription: `/subscriptions/${SUBSCRIPTION}`, region: REGION, subnet: IDS.machineSubnetId };

function versionFor(path: string): string {
  if (/^Microsoft\.Compute\/(disk|snapshot)/.test(path)) return '2023-04-02';
  if (path.startsWith('Microsoft.ManagedIdentity/')) return '2023-01-31';
  return path.startsWith('Microsoft.Compute/') ? '2024-07-01' : '2024-01-01';
}

function isStatus(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'status' in body;
}

function headerDifferences(patterns: Readonly<Record<string, string>>, { headers }: Sent): readonly string[] {
  return Object.entries(patterns).flatMap(([name, pattern]) => {
    const value = headers.get(name);
    return value !== null && new RegExp(pattern).test(value)
      ? []
      : [`header ${name} is ${value} and not like ${pattern}`];
  });
}
