import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { KindContext, KubeClient, Log } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { applyPool } from './apply.ts';
import { NO_CONFIG } from './deployment/config.ts';
import { desiredDeployment } from './deployment/deployment.ts';
import { Refusals } from './deployment/refusals.ts';
import type { Deployment } from './kubernetes/objects.ts';
import type { Problem, Reason } from './kubernetes/reasons.ts';
import { PoolMetrics } from './metrics.ts';
import { planPool } from './plan.ts';
import { DecisionLedger } from './size/ledger.ts';
import type { ObservedPool } from './steps.ts';
import { aPool, liveDeployment, someQueues } from './testing/objects.ts';

const NOW = new Date('2026-01-01T00:00:00Z');

/** No request is expected: any ends the test. */
const client = new Proxy({} as KubeClient, {
  get: (_, method) => expect.fail(`the API server was asked to ${String(method)}`),
});
const context: KindContext<Reason> = {
  client,
  signal: new AbortController().signal,
  log: {} as Log & KindContext<Reason>['log'],
  now: () => NOW,
  event: () => {},
  applyFinalizer: () => Promise.resolve(),
};

async function applied(found: Partial<ObservedPool>) {
  const pool = aPool({ replicas: 2 }) as PoolObject;
  const observed: ObservedPool = {
    deployment: undefined,
    budget: undefined,
    queues: someQueues,
    config: NO_CONFIG,
    busConfigured: true,
    inTheWay: () => '',
    nowMs: NOW.getTime(),
    ...found,
  };
  const plan = planPool(pool, observed);
  const deps = { ledger: new DecisionLedger(), refusals: new Refusals(), metrics: new PoolMetrics(new Registry()) };
  const outcome = await applyPool(pool, { observed, plan }, context, deps);
  return { problem: plan.problem?.reason, done: outcome.done, deployment: outcome.observed.deployment };
}

const broken: Problem = { reason: 'QueueNotFound', message: 'spec.queues names "emails"' };
const running: Deployment = liveDeployment(desiredDeployment(aPool({ replicas: 2 }), someQueues), 2, {
  'redis-queue.io/decision': '0.0',
  'redis-queue.io/replicas': '2',
});
const foreign: Deployment = {
  ...running,
  metadata: { ...running.metadata, ownerReferences: [] },
};

// It is reconciled whenever one of its Queues, its Secret or a pod moves, and each time the API server was asked twice.
it.each<[string, Partial<ObservedPool>, string]>([
  ['a pool whose Queue is broken and that has no pods yet', { queues: broken }, 'QueueNotFound'],
  ['a pool whose Queue is broken and whose pods run', { queues: broken, deployment: running }, 'QueueNotFound'],
  ['a pool whose Deployment is somebody else’s, with our label', { deployment: foreign }, 'DeploymentExists'],
])('%s costs the API server nothing', async (_, found, reason) => {
  expect(await applied(found)).toEqual({ problem: reason, done: [], deployment: found.deployment });
});
