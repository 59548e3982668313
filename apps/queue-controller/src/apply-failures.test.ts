import type { QueueReason } from '@redis-queue/api';
import { connectionKey, RedisConnections } from '@redis-queue/bullmq';
import { ConnectionError, createLog, type KindContext } from '@redis-queue/controller';
import { expect, it, onTestFinished } from 'vitest';
import { applyQueue } from './apply.ts';
import type { Sources } from './access/sources.ts';
import { planQueue } from './plan.ts';
import { NOW, observed, queueObject } from './testing/queues.ts';

const queue = queueObject({ globalConcurrency: 5, paused: true });
const plan = planQueue(queue, observed(), NOW);

function throwIt(error: Error): never {
  throw error;
}

/** Writes to Redis of which the first succeeds and the second fails with `error`; nothing is sent. */
function sourcesFailingWith(error: Error): Sources {
  const connections = new RedisConnections();
  onTestFinished(() => connections.close());
  const data = { 'redis-host': btoa('127.0.0.1'), 'redis-port': btoa('1') };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'redis-credentials', namespace: 'shop' }, data };
  const outcomes = [() => true, () => throwIt(error)];
  return {
    connections,
    breakers: { run: async () => outcomes.shift()?.() },
    secrets: {
      reader: 'queue-controller',
      permittedSecrets: new Set(['redis-credentials']),
      secret: () => secret,
    },
  } as unknown as Sources;
}

const target = { host: '127.0.0.1', port: 1 };
const way = { target, targetKey: connectionKey(target) };
const context = {
  signal: new AbortController().signal,
  log: createLog({ name: 'test', level: 'silent' }),
} as unknown as KindContext<QueueReason>;

it('what Redis refuses is a problem, and the steps before it were done', async () => {
  const refused = new Error('READONLY You cannot write against a read only replica.');
  const applied = await applyQueue(queue, { plan, way }, context, sourcesFailingWith(refused));
  expect(plan.steps.map(({ kind }) => kind)).toEqual(['claim', 'pause', 'setGlobalConcurrency']);
  expect(applied).toMatchObject({ done: [{ kind: 'claim' }], problem: { reason: 'RedisReadOnly' } });
});

it.each([['an API server that does not answer', new ConnectionError('PATCH /x', 'reset')]])(
  '%s stays a failure, and the steps before it were done',
  async (_, error) => {
    const applied = await applyQueue(queue, { plan, way }, context, sourcesFailingWith(error));
    expect(applied).toEqual({ done: [plan.steps[0]], failure: { error } });
  },
);
