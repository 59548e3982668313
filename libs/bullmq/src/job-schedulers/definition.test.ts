import { expect, it } from 'vitest';
import { fingerprint, jobOptions, storedFields, type JobScheduler } from './definition.ts';

const nightly: JobScheduler = {
  name: 'nightly',
  schedule: { cron: '0 2 * * *', timeZone: 'UTC' },
  jobName: 'report',
  data: '{"to":"ä"}',
  opts: { attempts: 3, keepLogs: 5 },
};

it('is stored as BullMQ stores it: what is empty is absent, and long names are short', () => {
  expect(storedFields(nightly)).toEqual({
    name: 'report',
    data: '{"to":"ä"}',
    opts: '{"attempts":3,"kl":5}',
    pattern: '0 2 * * *',
    tz: 'UTC',
  });
  expect(storedFields({ ...nightly, schedule: { everyMs: 5_000 }, data: '{}', opts: {} })).toEqual({
    name: 'report',
    every: '5000',
  });
  expect(JSON.parse(jobOptions(nightly))).toEqual({
    attempts: 3,
    kl: 5,
    repeat: { pattern: '0 2 * * *', tz: 'UTC', count: 1 },
  });
});

it('two definitions have different fingerprints, wherever they differ', () => {
  const others: JobScheduler[] = [
    { ...nightly, jobName: 'reports' },
    { ...nightly, data: '{"to":"a"}' },
    { ...nightly, opts: { attempts: 4, keepLogs: 5 } },
    { ...nightly, schedule: { cron: '0 3 * * *', timeZone: 'UTC' } },
    { ...nightly, schedule: { cron: '0 2 * * *', timeZone: 'Asia/Tokyo' } },
    { ...nightly, schedule: { everyMs: 2 } },
  ];
  const sums = [nightly, ...others].map((each) => fingerprint(each).sha1);
  expect(new Set(sums).size).toBe(sums.length);
  // In bytes, as Redis counts.
  expect(fingerprint(nightly).bytes).toBe(6 + 11 + 21 + 9 + 3);
});
