import { describe, expect, it } from '@jest/globals';
import { REDACTED, withoutSecrets } from './recorder.js';

describe('a recorded exchange', () => {
  it('holds no passwords, no custom data and no protected settings, however deep they lie', () => {
    const body = {
      properties: {
        osProfile: { adminUsername: 'landfall', adminPassword: 'hunter2', customData: 'TE9HSU4=' },
        extensions: [{ protectedSettings: 'c2VjcmV0', settings: { a: 1 } }],
      },
    };
    expect(withoutSecrets(body)).toStrictEqual({
      properties: {
        osProfile: { adminUsername: 'landfall', adminPassword: REDACTED, customData: REDACTED },
        extensions: [{ protectedSettings: REDACTED, settings: { a: 1 } }],
      },
    });
  });

  it('holds no signature of a shared access URL', () => {
    const url = 'https://localhost:1/sas/x/abcd?sv=2018&sig=Ab%2Bc%3D&se=2026';
    expect(withoutSecrets(url)).toBe(`https://localhost:1/sas/x/abcd?sv=2018&sig=${REDACTED}&se=2026`);
  });

  it('leaves everything else as it is', () => {
    const body = { a: [1, null, true, { b: 'sig=' }], tags: {} };
    expect(withoutSecrets(body)).toStrictEqual(body);
  });
});
