import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bootPatternProblem, endOfConsole, showsBoot } from './boot-check.js';

const DEBIAN = '\r\nDebian GNU/Linux 12 web ttyS0\r\n\r\nweb login: ';

describe('a serial console', () => {
  it('shows a boot by the prompt of Linux, or that of the Windows console', () => {
    expect(showsBoot(DEBIAN, null)).toBe(true);
    expect(showsBoot(`${DEBIAN}[   12.3] cloud-init[812]: done\r\n`, null)).toBe(true);
    expect(showsBoot('\u001b[0;32mweb\u001b[0m login: ', null)).toBe(true);
    const sac = 'Computer is booting, SAC started and initialized.\r\n\r\nUse the "ch -?" command\r\nSAC>';
    expect(showsBoot(sac, null)).toBe(true);
  });

  it('shows none by what only looks like a prompt, or comes before it', () => {
    const others = [
      ...[
        '',
        'GRUB loading',
        'systemd[1]: Starting login: ',
        'Last login: Mon',
        'Kernel panic - not syncing',
        'C:\\SAC>',
      ],
      'Computer is booting, SAC started and initialized.',
    ];
    for (const each of others) expect([each, showsBoot(each, null)]).toStrictEqual([each, false]);
  });

  it('is looked through for a text as it is, and not for a regular expression', () => {
    expect(showsBoot('web: (a+)+$ is up', '(a+)+$')).toBe(true);
    expect(showsBoot('aaaa', '(a+)+$')).toBe(false);
    expect(showsBoot(DEBIAN, 'mail is up')).toBe(false);
    expect(showsBoot('\u001b[1mReached target\u001b[0m multi-user', 'Reached target multi-user')).toBe(true);
  });

  it('ends in lines that can steer no terminal, and in not too many', () => {
    expect(endOfConsole('first\r\n\u001b]0;owned\u0007\u001b[2Jlast\u0000\u202e\r\n\r\n')).toBe('first\nlast');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (log) => {
        const end = endOfConsole(log);
        expect(end.length).toBeLessThanOrEqual(1_200);
        expect(end.split('\n').length).toBeLessThanOrEqual(12);
        expect(end).not.toMatch(/[^\P{Cc}\n\t]|\p{Bidi_Control}/u);
      }),
    );
  });

  it('shows a prompt whatever was printed before it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (before) => {
        // A sequence that has not ended would take in what follows.
        expect(showsBoot(`${before.replaceAll('\u001b', '')}\nweb login: `, null)).toBe(true);
      }),
    );
  });

  it('is looked through in time that grows with its length alone', () => {
    for (const unit of ['\u001b]', '\u001b[0', '\u001b[', 'x', ' login', '\r', 'Last ']) {
      const began = performance.now();
      showsBoot(unit.repeat(64 * 1_024), null);
      expect(performance.now() - began).toBeLessThan(2_000);
    }
  });
});

describe('a text to look for', () => {
  it('is one that a console can show', () => {
    expect(bootPatternProblem('web is up')).toBe(null);
    expect(bootPatternProblem('')).toMatch(/empty/);
    expect(bootPatternProblem('a\u001b[1m')).toMatch(/characters/);
    expect(bootPatternProblem('x'.repeat(201))).toMatch(/200/);
  });
});
