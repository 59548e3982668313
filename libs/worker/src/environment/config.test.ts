import { describe, expect, it } from 'vitest';
import { workerConfigFromEnvironment } from './config.ts';

const RQ_QUEUES = JSON.stringify([{ queue: 'emails', name: 'emails-v2', prefix: 'bull' }]);

describe('the pod contract', () => {
  it('is read from the environment', () => {
    const env = {
      RQ_QUEUES,
      RQ_CONCURRENCY: '4',
      RQ_POOL: 'email-workers',
      RQ_POOL_NAMESPACE: 'team-a',
      RQ_VERSION: '1.4.2',
      RQ_POD_NAME: 'email-workers-0',
      RQ_GRACE_PERIOD_MS: '1000',
      RQ_MAX_DRAIN_TIME_MS: '5000',
      RQ_HTTP_PORT: '9101',
    };
    expect(workerConfigFromEnvironment(env, 'host')).toEqual({
      queues: [{ queue: 'emails', name: 'emails-v2', prefix: 'bull' }],
      concurrency: 4,
      pool: 'email-workers',
      namespace: 'team-a',
      version: '1.4.2',
      podName: 'email-workers-0',
      gracePeriodMs: 1000,
      maxDrainTimeMs: 5000,
      httpPort: 9101,
    });
  });

  it('has the time that jobs of a queue may take, where its Queue says so', () => {
    const queue = { queue: 'a', name: 'a', prefix: 'bull' };
    const env = { RQ_QUEUES: JSON.stringify([{ ...queue, jobTimeoutMs: 600_000 }, queue]) };
    expect(workerConfigFromEnvironment(env, 'host').queues).toEqual([{ ...queue, jobTimeoutMs: 600_000 }, queue]);
  });

  it('has the weight of a queue where its pool gives one', () => {
    const queue = { queue: 'a', name: 'a', prefix: 'bull' };
    const env = { RQ_QUEUES: JSON.stringify([{ ...queue, weight: 3 }, queue]) };
    expect(workerConfigFromEnvironment(env, 'host').queues).toEqual([{ ...queue, weight: 3 }, queue]);
  });

  it('needs only the queues', () => {
    expect(workerConfigFromEnvironment({ RQ_QUEUES }, 'host')).toMatchObject({
      concurrency: 10,
      podName: 'host',
      gracePeriodMs: 30_000,
      maxDrainTimeMs: 600_000,
      httpPort: 9100,
    });
  });

  it.each([
    [{}, 'it is not set'],
    [{ RQ_QUEUES: 'emails' }, 'it is not JSON'],
    [{ RQ_QUEUES: '[]' }, 'not a list with entries'],
    [{ RQ_QUEUES: '[null]' }, 'entry 0 lacks'],
    [{ RQ_QUEUES: '[{"queue":"a","name":"a"}]' }, 'entry 0 lacks queue, name or prefix'],
    [{ RQ_QUEUES: '[{"queue":"a","name":"a","prefix":"b","jobTimeoutMs":0.5}]' }, 'jobTimeoutMs of entry 0'],
    [{ RQ_QUEUES: '[{"queue":"a","name":"a","prefix":"b","weight":"3"}]' }, 'weight of entry 0'],
    [{ RQ_QUEUES, RQ_CONCURRENCY: 'ten' }, 'RQ_CONCURRENCY is not a whole number: "ten"'],
    [{ RQ_QUEUES, RQ_HTTP_PORT: '99999' }, 'RQ_HTTP_PORT is no port, which has at most 65535: 99999'],
    [{ RQ_QUEUES, RQ_CONCURRENCY: '0' }, 'RQ_CONCURRENCY is not at least 1'],
    [{ RQ_QUEUES, RQ_GRACE_PERIOD_MS: '2000', RQ_MAX_DRAIN_TIME_MS: '1000' }, 'longer than RQ_MAX_DRAIN_TIME_MS'],
  ])('that is wrong (%#) is an error that names the variable', (env, message) => {
    expect(() => workerConfigFromEnvironment(env, 'host')).toThrow(message);
  });
});
