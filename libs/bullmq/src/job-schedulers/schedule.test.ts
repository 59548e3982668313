import { describe, expect, it } from 'vitest';
import { nextRunMs, scheduleProblem } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const next = (cron: string, after: string, timeZone = 'UTC'): string | undefined => {
  const ms = nextRunMs({ cron, timeZone }, at(after));
  return ms === undefined ? undefined : new Date(ms).toISOString();
};

describe('the next run', () => {
  it('is after the given time, in the time zone of the schedule, its changes included', () => {
    expect(next('0 2 * * *', '2026-03-01T02:00:00Z')).toBe('2026-03-02T02:00:00.000Z');
    expect(next('0 2 * * *', '2026-03-01T02:00:00Z', 'Europe/Berlin')).toBe('2026-03-02T01:00:00.000Z');
    expect(next('0 2 * * *', '2026-07-01T02:00:00Z', 'Europe/Berlin')).toBe('2026-07-02T00:00:00.000Z');
    expect(next('*/5 * * * * *', '2026-03-01T00:00:04.999Z')).toBe('2026-03-01T00:00:05.000Z');
    expect(next('0 0 29 2 *', '2096-03-01T00:00:00Z')).toBe('2104-02-29T00:00:00.000Z');
  });

  it('of an interval is its next multiple, whoever asks and when', () => {
    expect(nextRunMs({ everyMs: 5_000 }, 10_000)).toBe(15_000);
    expect(nextRunMs({ everyMs: 5_000 }, 14_999)).toBe(15_000);
  });
});

describe('a schedule that no worker could follow is refused, and says why', () => {
  it.each([
    ['0 0 30 2 *', 'day'],
    ['0 0 31 4,6 *', 'never comes'],
    ['61 * * * *', 'no cron expression'],
    ['* * * *', 'five or six fields'],
    ['H 2 * * *', 'has H, which would be another time at each run'],
    ['0 H/6 * * *', 'has H,'],
    ['@daily', 'five or six fields'],
    ['0 0 15W * *', 'has 15W, which'],
    ['0 0 * MARCH *', 'has MARCH, which'],
    ['*,5 * * * *', 'duplicate'],
    ['? * * * ?', 'write * instead'],
    ['0 0 29 2 1#1', 'differently'],
    ['0 0 * 2 1#5', 'fifth'],
    ['0 0 31 2 1', 'never comes'],
    ['0 0 1 * */1', 'every day'],
    ['0 0 1 * 1-7', 'every day'],
    ['0 0 */1 * 1', 'every day'],
    ['0 0 */1 FEB */2', 'every day'],
    ['0 0 * * 1-7/2', 'steps up to day 7'],
  ])('%s', (cron, why) => {
    const problem = scheduleProblem({ cron, timeZone: 'UTC' });
    expect(problem).toMatchObject({ field: 'cron', message: expect.stringContaining(why) });
    expect(problem?.message).toContain(`"${cron}"`);
  });

  it.each(['Mars/Olympus', 'Australia/Lord_Howe', 'Antarctica/Troll', '../etc'])('the time zone %s', (timeZone) => {
    expect(scheduleProblem({ cron: '0 2 * * *', timeZone })).toMatchObject({ field: 'timeZone' });
  });

  it.each([
    '0 2 * * *',
    '*/5 * * * * *',
    '0 0 ? * MON-FRI',
    '0 0 L * *',
    '0 0 * * 5L',
    '0 0 1 * 1-5',
    '0 0 */1 * *',
    '0 8 * jan,JUL 1#2',
  ])('but not %s', (cron) => expect(scheduleProblem({ cron, timeZone: 'America/New_York' })).toBeUndefined());
});
