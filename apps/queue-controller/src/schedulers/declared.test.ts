import type { JobSchedulerSpec } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { declaredSchedulers, describeProblems } from './declared.ts';

const declare = (...schedulers: JobSchedulerSpec[]) => declaredSchedulers({ schedulers });

describe('the declared job schedulers', () => {
  it('are in UTC, named as their jobs, and without data, unless the spec says more', () => {
    const template = { name: 'report', data: { to: 'all' }, opts: { attempts: 3 } };
    const { schedulers, problems } = declare(
      { name: 'plain', cron: '0 2 * * *' },
      { name: 'full', cron: '0 2 * * *', timeZone: 'Europe/Berlin', template },
      { name: 'often', every: '5m' },
    );
    expect(schedulers).toEqual([
      { name: 'plain', schedule: { cron: '0 2 * * *', timeZone: 'UTC' }, jobName: 'plain', data: '{}', opts: {} },
      {
        name: 'full',
        schedule: { cron: '0 2 * * *', timeZone: 'Europe/Berlin' },
        jobName: 'report',
        data: '{"to":"all"}',
        opts: { attempts: 3 },
      },
      { name: 'often', schedule: { everyMs: 300_000 }, jobName: 'often', data: '{}', opts: {} },
    ]);
    expect(problems).toEqual([]);
  });

  it('that cannot run are named with their field, and keep no other from running', () => {
    const deep: { next?: object } = {};
    let at = deep;
    for (let level = 0; level < 50_000; level++) at = at.next = {};
    const { schedulers, names, problems } = declare(
      { name: 'cron', cron: '99 * * * *' },
      { name: 'zone', cron: '0 2 * * *', timeZone: 'Mars/Olympus' },
      { name: 'data', every: '1h', template: { data: { text: 'x'.repeat(16_384) } } },
      { name: 'deep', every: '1h', template: { data: deep } },
      { name: 'good', every: '1h' },
    );
    expect(schedulers.map(({ name }) => name)).toEqual(['good']);
    expect([...names]).toEqual(['cron', 'zone', 'data', 'deep', 'good']);
    expect(problems).toEqual([
      expect.stringMatching(/^spec\.schedulers\[name=cron]\.cron: /),
      expect.stringMatching(/^spec\.schedulers\[name=zone]\.timeZone: "Mars\/Olympus" is no time zone/),
      expect.stringMatching(/^spec\.schedulers\[name=data]\.template\.data: it has more than 16 kB/),
      expect.stringMatching(/^spec\.schedulers\[name=deep]\.template\.data: /),
    ]);
  });

  it('are none while the queue is retired', () => {
    expect(declaredSchedulers({ schedulers: [{ name: 'x', every: '1h' }], retire: true }).names.size).toBe(0);
  });
});

it('however many problems there are, three are said', () => {
  expect(describeProblems([])).toBeUndefined();
  expect(describeProblems(['a', 'b'])).toBe('a; b');
  expect(describeProblems(['a', 'b', 'c', 'd', 'e'])).toBe('a; b; c; and 2 more');
});
