import { describe, expect, it } from 'vitest';
import { checkWorkerOptions, given, type WorkerOptions } from './worker-options.ts';

describe('options for the workers of a pod', () => {
  it("are BullMQ's, those of a pod's own left out", () => {
    const options: WorkerOptions = {
      settings: { backoffStrategy: () => 1 },
      limiter: { max: 1, duration: 1 },
      removeOnComplete: { count: 1 },
      useWorkerThreads: true,
    };
    expect(() => checkWorkerOptions('workerOptions', options)).not.toThrow();
    // @ts-expect-error slots are shared by all queues of a pod
    expect(() => checkWorkerOptions('workerOptions', { concurrency: 5 } satisfies WorkerOptions)).toThrow('slots');
  });

  it.each([
    ['concurrency', 'slots are shared by all queues of a pod: set spec.concurrency of the WorkerPool'],
    ['lockDuration', 'all pods of a queue need the same lock times'],
    ['connection', 'by the variables of the pod contract'],
    ['telemetry', 'give it to runWorkers'],
    ['limitter', 'BullMQ has no such option of a worker (there are limiter, metrics'],
  ])('refuse %s, with the reason and what to use instead', (name, why) => {
    expect(() => checkWorkerOptions('workerOptions', { [name]: 1 })).toThrow(`workerOptions: ${name} is not taken: `);
    expect(() => checkWorkerOptions('workerOptions', { [name]: 1 })).toThrow(why);
  });

  it('that say how a file is run are refused for a handler that is a function', () => {
    expect(() => checkWorkerOptions('options', { useWorkerThreads: true }, false)).toThrow('the handler is a function');
  });

  it.each([
    { removeOnComplete: true },
    { removeOnFail: 5 },
    { removeOnComplete: { number: 5 } },
    { removeOnComplete: { count: '5' } },
    { limiter: { max: 1 } },
    { limiter: { max: 0, duration: 1000 } },
    { limiter: { max: 1, duration: 0.5 } },
    { limiter: { max: 1, duration: 1000, groupKey: 'customer' } },
    { limiter: null },
    { metrics: true },
    { metrics: { maxDataPoints: 'many' } },
    { maxStartedAttempts: 'three' },
    { maxStalledCount: -1 },
    { drainDelay: 0 },
    { maximumRateLimitDelay: Number.NaN },
    { skipStalledCheck: 'false' },
    { settings: () => 1 },
  ])('of a shape that the scripts of BullMQ cannot read are refused at the start: %j', (options) => {
    const [name] = Object.keys(options);
    expect(() => checkWorkerOptions('workerOptions', options)).toThrow(
      new RegExp(`^workerOptions: ${name} has to be (an object|a whole number|a number above 0|true or false)`),
    );
  });

  it('say what they have to be', () => {
    expect(() => checkWorkerOptions('workerOptions', { limiter: { max: 1 } })).toThrow(
      'workerOptions: limiter has to be an object such as { max: 10, duration: 1000 } (max is a whole number from 1, duration is a whole number from 1)',
    );
  });

  it.each([
    { removeOnComplete: { count: 0 }, removeOnFail: { age: 3600, count: 1_000, limit: 10 } },
    { removeOnComplete: { count: -1 }, removeOnFail: { age: 0 } },
    { limiter: { max: 5, duration: 1000 }, metrics: { maxDataPoints: 10_080 }, maxStalledCount: 0 },
    { maxStartedAttempts: 3, drainDelay: 0.3, maximumRateLimitDelay: 200, skipLockRenewal: true, settings: {} },
    { limiter: undefined, concurrency: undefined, other: undefined },
  ])('of the shapes of BullMQ are taken: %j', (options) => {
    expect(() => checkWorkerOptions('workerOptions', options)).not.toThrow();
  });

  it('that are undefined are as absent', () => {
    const options: WorkerOptions = { drainDelay: 0, metrics: undefined };
    expect({ maxStalledCount: 3, ...given({ maxStalledCount: undefined, ...options }), ...given(undefined) }).toEqual({
      maxStalledCount: 3,
      drainDelay: 0,
    });
  });
});
