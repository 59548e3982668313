import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { QueueMetrics } from '../metrics.ts';
import type { Sources } from '../access/sources.ts';
import { SampledWrites } from './sampled-writes.ts';
import { QueueSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import { queueObject } from '../testing/queues.ts';

it('a queue that is deleted during a round is not remembered after it', async () => {
  const queue = queueObject() as QueueObject;
  const sampling = new SamplingFailures();
  const rounds = [[queue], []];
  const secrets = { reader: 'queue-controller', permittedSecrets: new Set(), secret: () => undefined };
  const sources = { connections: new RedisConnections(), breakers: { forgetIdle: () => {} }, secrets };
  let noted = 0;
  const sampler = new QueueSampler({
    sources: sources as unknown as Sources,
    metrics: new QueueMetrics(new Registry()),
    listQueues: () => rounds.shift() ?? [],
    writes: new SampledWrites({ clock: systemClock, write: () => expect.fail(), onError: () => {}, onHeld: () => {} }),
    sampling,
    onSamplingChange: () => void noted++,
    onRoundFailed: () => {},
  });
  await sampler.sampleAll();
  expect(noted).toBe(1);
  expect(sampling.of(queue)).toBe('unknown');
});
