import { expect, it } from 'vitest';
import { checkConformance, levelOf, type Outcome } from './conformance.ts';
import type { Level } from './rows.ts';
import { environmentOf, templateOf } from './pod-template.ts';
import { subjectOf } from './subjects.ts';

const row = (level: Level, fault?: string): Outcome => ({
  row: { level, what: 'x', check: () => Promise.resolve() },
  ...(fault !== undefined && { fault }),
});

it('the level is the highest of which nothing is broken, nor of any below it', () => {
  expect(levelOf([row(0), row(1), row(2)])).toBe(2);
  expect(levelOf([row(0), row(1, 'no'), row(2)])).toBe(0);
  expect(levelOf([row(0), row(1), row(1, 'no'), row(2)])).toBe(0);
  expect(levelOf([row(0, 'no'), row(1), row(2)])).toBeUndefined();
});

it('a job says where its time stands, as a number or in a text', () => {
  expect(subjectOf('a', '{"ms":@ms,"as":"@ms"}').job(20)).toEqual({ ms: 20, as: 20 });
  expect(() => subjectOf('a', '{"ms":1}')).toThrow('JOB has no @ms');
  expect(() => subjectOf('a', 'ms: @ms')).toThrow('JOB is not JSON');
});

it('a process gets the variables that the controller gives to a pod, with what the kubelet puts in', () => {
  const request = {
    name: 'pod-0',
    queues: [{ queue: 'emails', name: '$(HOME)', prefix: 'bull', weight: 3 }],
    concurrency: 2,
    drainPolicy: { gracePeriod: '500ms', maxDrainTime: '3s' },
    restarts: false,
  };
  const template = templateOf('worker:1', 'conformance', 'redis', request);
  expect(environmentOf(template, 'pod-0', { 'redis-url': 'redis://127.0.0.1:1' })).toEqual({
    RQ_QUEUES: JSON.stringify(request.queues),
    RQ_CONCURRENCY: '2',
    RQ_POOL: 'conformance',
    RQ_POOL_NAMESPACE: 'conformance',
    RQ_VERSION: '1',
    RQ_POD_NAME: 'pod-0',
    RQ_GRACE_PERIOD_MS: '500',
    RQ_MAX_DRAIN_TIME_MS: '3000',
    RQ_HTTP_PORT: '9100',
    REDIS_URL: 'redis://127.0.0.1:1',
  });
});

it('what does not begin within the time limit counts as not kept, and says why', async () => {
  const { outcomes, level } = await checkConformance(
    subjectOf('a', '{"ms":@ms}'),
    { openSite: () => Promise.reject(new Error('not to be opened')) },
    { rows: [row(0).row], timeLimitMs: 0 },
  );
  expect(outcomes.map(({ fault }) => fault)).toEqual(['not checked: the time limit of the whole run is over']);
  expect(level).toBeUndefined();
});
