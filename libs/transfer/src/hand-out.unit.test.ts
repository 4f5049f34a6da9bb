import { describe, expect, it } from '@jest/globals';
import type { Segment } from '@landfall/domain';
import { chooseNext } from './hand-out.js';

describe('choosing the next segments', () => {
  it('hands out no more than the window leaves free', () => {
    const disk = [running('a', 0), handedOut('a', 1), ...waiting('a', 2, 10)];
    expect(chooseNext([disk], 4).map((segment) => segment.index)).toStrictEqual([2, 3]);
  });

  it('chooses nothing when the window is full, or more than full', () => {
    const disk = [running('a', 0), running('a', 1), ...waiting('a', 2, 3)];
    expect(chooseNext([disk], 2)).toStrictEqual([]);
    expect(chooseNext([disk], 1)).toStrictEqual([]);
  });

  it('takes turns between disks, and lets those with the least under way catch up', () => {
    const busy = [running('a', 0), running('a', 1), ...waiting('a', 2, 9)];
    const idle = waiting('b', 0, 9);
    const chosen = chooseNext([busy, idle], 8);
    expect(chosen.map((segment) => `${segment.diskName}${segment.index}`)).toStrictEqual([
      'b0',
      'b1',
      'a2',
      'b2',
      'a3',
      'b3',
    ]);
  });

  it('lets a disk that is alone have the whole window', () => {
    expect(chooseNext([[], waiting('a', 0, 50)], 24).length).toBe(24);
  });
});

function segment(diskName: string, index: number, changes: Partial<Segment> = {}): Segment {
  const place = {
    restoreId: 'r',
    diskName,
    purpose: 'move',
    index,
    offsetBytes: index,
    lengthBytes: 1,
    dataBytes: 1,
  } as const;
  return { id: `${diskName}${index}`, ...place, state: 'pending', epoch: 0, attempts: 0, mover: null, ...changes };
}

const running = (disk: string, index: number): Segment => segment(disk, index, { state: 'running', epoch: 1 });
const handedOut = (disk: string, index: number): Segment => segment(disk, index, { epoch: 1 });

function waiting(disk: string, from: number, count: number): Segment[] {
  return Array.from({ length: count }, (_, position) => segment(disk, from + position));
}
