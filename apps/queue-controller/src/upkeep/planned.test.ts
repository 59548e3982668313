import type { QueueSpec } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { plannedUpkeep } from './planned.ts';

const ref = { name: 'emails', prefix: 'bull' };

it.each<[QueueSpec, string[]]>([
  [{}, []],
  [{ dlqPolicy: { enabled: false, maxRetries: 3 }, priorities: [1, 5], retention: {} }, []],
  [{ dlqPolicy: { enabled: true } }, ['move failed jobs to emails-dlq']],
  [
    { dlqPolicy: { enabled: true, maxRetries: 3, retentionDays: 1 }, retention: { failedJobs: '7d' } },
    [
      'move failed jobs to emails-dlq after 3 retries',
      'remove dead letters older than 1 day',
      'remove failed jobs that do not become dead letters and are older than 7d',
    ],
  ],
  [
    { retention: { completedJobs: '1h', failedJobs: '0d', maxBytes: '2Gi', maxEvents: 1000 } },
    [
      'remove completed jobs older than 1h',
      'remove failed jobs older than 1m',
      'remove the oldest finished jobs while the queue uses more than 2Gi',
      'remove all events but the last 1000',
    ],
  ],
  [{ priorities: [1, 5], priorityPolicy: 'Clamp' }, ['give jobs outside priorities 1, 5 a declared one']],
])('%j is planned in sentences', (spec, sentences) => {
  expect(plannedUpkeep(ref, spec)).toEqual(sentences);
});
