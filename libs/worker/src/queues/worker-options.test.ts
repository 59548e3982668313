import { describe, expect, it } from 'vitest';
import { checkWorkerOptions, type WorkerOptions } from './worker-options.ts';

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
});
