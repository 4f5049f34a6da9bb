import { describe, expect, it } from '@jest/globals';
import { EVENTS_QUERY, RESTORES_QUERY } from './restores.js';

describe('queries', () => {
  it('take states as a list or repeated', () => {
    expect(RESTORES_QUERY.parse({ state: 'running,planning' }).state).toStrictEqual(['running', 'planning']);
    expect(RESTORES_QUERY.parse({ state: ['running', 'failed'] }).state).toStrictEqual(['running', 'failed']);
    expect(RESTORES_QUERY.parse({}).state).toBe(undefined);
  });

  for (const query of [
    { state: 'dancing' },
    { state: '' },
    { status: 'running' },
    { limit: '0' },
    { limit: '10001' },
  ]) {
    it(`refuse ${JSON.stringify(query)}`, () => expect(RESTORES_QUERY.safeParse(query).success).toBe(false));
  }

  for (const after of ['-1', '1.5', '0x10', '1e3', '', ' 1', '9'.repeat(16)]) {
    it(`refuse ${JSON.stringify(after)} as a sequence number`, () => {
      expect(EVENTS_QUERY.safeParse({ after }).success).toBe(false);
    });
  }
});
