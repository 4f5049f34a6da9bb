import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { restorePointId } from '@landfall/domain';
import { FakeEventSource, type FakePage, openPage } from './page.fixture.test.js';
import { ApiUnderTest, scanFinds, tokenOf, until } from './running-api.fixture.test.js';
import { discovered, planFor } from './samples.fixture.test.js';

/*
 * The console's own modules against the real API, over a stand-in for the browser: what is shown, and what a click does.
 */
const CONSOLE = new URL('../../../console/public/assets/console.js', import.meta.url).href;
const HOSTILE = '<img src=x onerror=alert(1)>';

describe('the console', () => {
  let api: ApiUnderTest;
  let page: FakePage;
  let restoreId: string;
  const seen = (text: string) => until(`"${text}" on the page`, async () => page.main.textContent.includes(text));

  beforeAll(async () => {
    api = await ApiUnderTest.start();
    scanFinds(api, [discovered({ machineName: HOSTILE })]);
    const repository = { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'x' };
    await api.call('POST', '/v1/repositories', { role: 'operator', body: repository });
    const pointId = restorePointId('nightly', discovered().reference);
    const body = { restorePointId: pointId, destination: { kind: 'new' } };
    const created = await api.call('POST', '/v1/restores', { role: 'operator', body });
    restoreId = (created.body as { id: string }).id;
    await api.connections.ports.books.transaction((tx) => tx.storePlan(restoreId, planFor(pointId)));

    const signedIn = await api.call('POST', '/session', { body: { token: tokenOf('operator') } });
    const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const browserFetch = globalThis.fetch;
    page = openPage('#/restores', (path, init) =>
      browserFetch(new URL(path, api.url), {
        ...init,
        headers: { ...(init.headers as Record<string, string>), cookie, 'sec-fetch-site': 'same-origin' },
      }),
    );
    await import(CONSOLE);
  });
  afterAll(() => api.close());

  it('says who is signed in and lists the restores', async () => {
    expect(page.who.textContent).toBe('operator (operator)');
    await seen(restoreId);
    expect(
      page.main
        .all('a')
        .find((link) => link.textContent === restoreId)
        ?.getAttribute('href'),
    ).toBe(`#/restores/${restoreId}`);
  });

  it('lists points, repositories and workers, and takes names for text', async () => {
    page.go('#/points');
    await seen(HOSTILE);
    expect(page.main.all('img').length).toBe(0);
    page.go('#/repositories');
    await seen('/srv/nightly');
    page.go('#/workers');
    await seen('No workers have been launched.');
  });

  it('shows a restore with its steps and disks, and follows it', async () => {
    page.go(`#/restores/${restoreId}`);
    await seen('web-data');
    await seen('create-empty-disks');
    const stream = await until('the stream', async () => FakeEventSource.opened.at(-1));
    expect(stream.url).toMatch(new RegExp(`^/v1/restores/${restoreId}/events\\?after=\\d+$`));
    expect(page.main.all('button').map((button) => button.textContent)).toStrictEqual(['Cancel']);
  });

  it('cancels a restore, and shows its end with the error and the remedy', async () => {
    page.main.all('button')[0]?.click();
    await seen('cancelling');
    await until(
      'the cancellation',
      async () => (await api.connections.ports.books.restore(restoreId))?.state === 'cancelling',
    );
    expect(page.main.all('button').length).toBe(0);
    const view = (await api.call('GET', `/v1/restores/${restoreId}`, { role: 'viewer' })).body as object;
    const stream = FakeEventSource.opened.at(-1)!;
    const error = { code: 'PACK_MISSING', message: 'Pack ab is missing.', fix: 'Bring it back.' };
    stream.send('restore', { ...view, state: 'failed', error });
    for (const text of ['failed', ...Object.values(error)]) await seen(text);
    expect(stream.closed).toBe(true);
  });

  it("says what is wrong in the API's words, and asks no further", async () => {
    page.go('#/restores/rzzzzzzzzzzz');
    await until('the trouble', async () => !page.trouble.hidden && page.trouble.textContent.includes('rzzzzzzzzzzz'));
  });
});
