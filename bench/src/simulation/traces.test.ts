import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { offeredLoad } from '@redis-queue/simulator';
import { describe, expect, it } from 'vitest';
import { parseTrace, readTraces } from './traces.ts';

describe('a trace', () => {
  it('of one row per job has the times and service times of its rows', () => {
    const jobs = parseTrace('llm.csv', 't_s,service_ms\n0.5,1120\n4.315,2745\r\n\n4.315,0\n', 1);
    expect(jobs.name).toBe('llm');
    expect([...jobs.addedMs]).toEqual([500, 4_315, 4_315]);
    expect([...jobs.serviceMs]).toEqual([1_120, 2_745, 1]);
    expect(jobs.durationMs).toBe(5_315);
  });

  it('of counts has as many jobs in each interval, at times and of lengths that the seed draws', () => {
    const text = 't_s,arrivals\n0,3\n10,0\n20,200\n';
    const jobs = parseTrace('web.csv', text, 1);
    const within = (from: number, to: number) => jobs.addedMs.filter((ms) => ms >= from && ms < to).length;
    expect([within(0, 10_000), within(10_000, 20_000), within(20_000, 30_000)]).toEqual([3, 0, 200]);
    expect(jobs.durationMs).toBe(30_000);
    expect(jobs.addedMs).toEqual(jobs.addedMs.toSorted());
    expect((offeredLoad(jobs) * 30_000) / 203).toBeGreaterThan(1_000);
    expect(parseTrace('web.csv', text, 1)).toEqual(jobs);
    expect(parseTrace('web.csv', text, 2).serviceMs).not.toEqual(jobs.serviceMs);
  });

  it.each([
    ['time,jobs\n', 'x.csv:1: the header is "time,jobs", and must be "t_s,arrivals" or "t_s,service_ms"'],
    ['t_s,arrivals\n0,1\n5\n', 'x.csv:3: "5" has 1 columns instead of 2'],
    ['t_s,arrivals\n0,1\n-5,1\n', 'x.csv:3: t_s is "-5", and must be seconds from 0 on'],
    ['t_s,arrivals\nnow,1\n', 'x.csv:2: t_s is "now", and must be seconds from 0 on'],
    ['t_s,arrivals\n0,1.5\n', 'x.csv:2: "1.5" is not a whole number from 0 on'],
    ['t_s,service_ms\n0,-3\n', 'x.csv:2: "-3" is not a number from 0 on'],
    ['t_s,service_ms\n0,\n', 'x.csv:2: "" is not a number from 0 on'],
    ['t_s,service_ms\n9,1\n8,1\n', 'x.csv:3: t_s goes back, and must ascend'],
    ['t_s,service_ms\n', 'x.csv: has no rows after its header'],
  ])('that is wrong is refused with file, line and reason: %j', (text, message) => {
    expect(() => parseTrace('x.csv', text, 1)).toThrow(message);
  });

  it('is every csv file of a folder, by name; a folder without one is an error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'traces-'));
    try {
      expect(() => readTraces(folder, 1)).toThrow(/has no \*\.csv/);
      writeFileSync(join(folder, 'b.csv'), 't_s,arrivals\n0,1\n');
      writeFileSync(join(folder, 'a.csv'), 't_s,service_ms\n0,1\n');
      writeFileSync(join(folder, 'README.md'), 'no trace');
      expect(readTraces(folder, 1).map(({ name }) => name)).toEqual(['a', 'b']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
