import { describe, expect, it } from 'vitest';
import { createScreen, frameLine, frameTable, type Frame } from './display.ts';

const frame: Frame = {
  elapsedMs: 12_340,
  depth: { waiting: 900, prioritized: 100, delayed: 5, active: 60, completed: 2000, failed: 3, 'waiting-children': 0 },
  waitP95Ms: 4_321,
  pool: { wanted: 8, ready: 6, pods: 8, reason: '8 replicas: 1,000 jobs wait' },
};

function screenOn(isTTY: boolean): { written: string[]; show: (frame: Frame) => void } {
  const written: string[] = [];
  const out = { isTTY, columns: 80, write: (text: string) => written.push(text) };
  return { written, show: createScreen(out as unknown as NodeJS.WriteStream).show };
}

describe('the live view', () => {
  it('says in one line what waits, how long, and why there are so many pods', () => {
    expect(frameLine(frame)).toBe(
      ' 12.3 s  waiting 1000  delayed 5  active 60  completed 2000  failed 3  p95 wait 4.3 s  pods 6 ready of 8 wanted  8 replicas: 1,000 jobs wait',
    );
  });

  it('calls no data no data', () => {
    expect(frameTable({ ...frame, waitP95Ms: undefined }, 80)[2]).toBe('  p95 wait  no data');
  });

  it('fits the terminal', () => {
    expect(frameTable(frame, 40).every((line) => line.length <= 40)).toBe(true);
  });

  it('redraws in place on a terminal', () => {
    const { written, show } = screenOn(true);
    show(frame);
    show(frame);
    expect(written[0]).not.toContain('\u001B[5A');
    expect(written[1]!.startsWith('\u001B[5A')).toBe(true);
  });

  it('prints a line every 5 s elsewhere', () => {
    const { written, show } = screenOn(false);
    for (let elapsedMs = 0; elapsedMs <= 10_000; elapsedMs += 1_000) show({ ...frame, elapsedMs });
    expect(written).toHaveLength(3);
  });
});
