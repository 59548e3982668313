import { RedisConnections } from '@redis-queue/bullmq';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Autoscaler } from './autoscaler.ts';
import { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';
import { Triggers } from './triggers.ts';
import type { Topology } from './watching/topology.ts';

const now = (): number => performance.now();

it('no epoch is taken once it was stopped, while a topology was being adopted', async () => {
  const stop = new AbortController();
  let taken = 0;
  const topology = (): Topology => {
    queueMicrotask(() => stop.abort());
    return { pools: new Map(), queues: new Map(), targets: new Map(), consumers: new Map() };
  };
  const bus = {
    publish: () => Promise.resolve(),
    unread: () => Promise.resolve(0),
    timeMs: () => {
      if (stop.signal.aborted) taken++;
      return Promise.resolve(Date.now());
    },
  };
  const limits = { total: 1, perServer: 1, perNamespace: 1, keepMs: 1 };
  const connections = new RedisConnections({ clientName: 'test', limits, now });
  await new Autoscaler({
    topology,
    pods: () => undefined,
    latestEpoch: () => 0,
    connections,
    bus,
    triggers: new Triggers(),
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => undefined, warn: () => undefined },
    podStartMs: 1,
    nodeStartMs: 1,
    now,
  }).run(stop.signal);
  connections.close();
  expect(taken).toBe(0);
});
