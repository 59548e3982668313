import { expect, it } from 'vitest';
import { othersShare, parseServerLoad, shareWhileOthersUse } from './share.ts';

it('takes all of an idle Redis, little of a busy one, and something of one that does not say', () => {
  expect([0, 0.3, 0.4, 0.5, 1].map(shareWhileOthersUse)).toEqual([
    1,
    1,
    expect.closeTo(0.52),
    expect.closeTo(0.04),
    0.04,
  ]);
  expect(shareWhileOthersUse(undefined)).toBe(0.3);
});

function load(cpuSeconds: number, readUs: number, writeUs: number): ReturnType<typeof parseServerLoad> {
  const cpu = `used_cpu_sys_main_thread:0\r\nused_cpu_user_main_thread:${cpuSeconds}`;
  const scripts = `cmdstat_evalsha_ro:calls=1,usec=${readUs},x=1\r\ncmdstat_evalsha:calls=1,usec=${writeUs},x=1`;
  return parseServerLoad(`${cpu}\r\n${scripts}`);
}

it('what is not spent on scripts that read is of others, and so are scripts that may write', () => {
  const before = load(1, 1_000, 1_000);
  expect(othersShare(before, load(1.5, 401_000, 1_000), 1_000)).toBeCloseTo(0.1);
  expect(othersShare(before, load(1.5, 801_000, 1_000), 1_000)).toBe(0);
  expect(othersShare(before, load(1.5, 801_000, 701_000), 1_000)).toBeCloseTo(0.7);
  expect(othersShare({}, before, 1_000)).toBeUndefined();
});
