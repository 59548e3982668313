import { expect, test } from 'vitest';
import { parsePolicyFields } from './policy.ts';
import { delayOf } from '../sampling/sample.ts';

test.each([
  ['nothing set', [null, null, null, null, null, null], { paused: false }],
  [
    'all set',
    ['1', '50', '1000', '7', '{}', 'bullmq:6.7.0'],
    {
      paused: true,
      rateLimit: { max: 50, durationMs: 1000 },
      globalConcurrency: 7,
      rawOwnerMark: '{}',
      clientVersion: 'bullmq:6.7.0',
    },
  ],
  [
    'max without duration stops every worker',
    [null, '50', null, null, null, null],
    { paused: false, brokenRateLimit: true },
  ],
  [
    'a limit that is no whole number, which no status can show',
    [null, '1.5', '1000', null, null, null],
    { paused: false, brokenRateLimit: true },
  ],
  [
    'texts for numbers',
    [null, 'x', '1000', 'y', null, null],
    { paused: false, brokenRateLimit: true, brokenConcurrency: true },
  ],
  [
    'a concurrency of 0 stops every worker',
    [null, null, null, '0', null, null],
    { paused: false, brokenConcurrency: true },
  ],
])('meta: %s', (_, values, expected) => {
  expect(parsePolicyFields(values)).toEqual(expected);
});

test.each([
  ['{"attempts":3,"delay":1500}', 1500],
  ['{"backoff":{"type":"fixed","delay":1000}}', 0],
  ['{"attempts":0}', 0],
  ['broken "delay"', 0],
  [null, 0],
])('the delay a job was added with, from %j, is %d ms', (opts, expected) => {
  expect(delayOf(opts)).toBe(expected);
});
