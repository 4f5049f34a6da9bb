import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { parseBootEnvironment, processCount } from './boot-environment.js';

const encode = (text: string): string => Buffer.from(text).toString('base64');

describe("a worker's custom data", () => {
  it('is lines NAME=value; everything after the first = is the value', () => {
    expect(parseBootEnvironment(encode('A=1\n# a remark\n\nLANDFALL_URL=https://h/?a=b\r\nEMPTY=\n'))).toStrictEqual({
      environment: { A: '1', LANDFALL_URL: 'https://h/?a=b', EMPTY: '' },
    });
  });

  it('is refused when it is something else', () => {
    for (const text of ['#cloud-config\npackages: []', '#!/bin/sh\necho', 'lower=1', 'A=1\nnonsense', '']) {
      assert.ok('refused' in parseBootEnvironment(encode(text)), text);
    }
    expect('refused' in parseBootEnvironment(null)).toBe(true);
  });

  it('may not say which code is loaded', () => {
    for (const name of ['PATH', 'NODE_OPTIONS', 'LD_PRELOAD', 'NODE_EXTRA_CA_CERTS']) {
      assert.ok('refused' in parseBootEnvironment(encode(`${name}=x`)), name);
    }
  });

  it('says how many processes to run, within reason', () => {
    const counts = ['3', '0', '-1', 'many', '1.5', '1000'].map((value) =>
      processCount({ LANDFALL_MOVER_PROCESSES: value }),
    );
    expect(counts).toStrictEqual([3, 1, 1, 1, 1, 16]);
    expect(processCount({})).toBe(1);
    assert.deepEqual(
      ['1', '3', 'many'].map((value) => processCount({ LANDFALL_MOVER_PROCESSES: value }, 2)),
      [2, 3, 2],
      'and not fewer than the emulator was told',
    );
  });
});
