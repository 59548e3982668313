import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Decision } from '@redis-queue/scaling';
import { AutoscalerMetrics } from './autoscaler-metrics.ts';
import type { ScaledPool } from '../watching/topology.ts';

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const aScaledPool = (name: string) => ({ key: `team/${name}`, namespace: 'team', name }) as ScaledPool;
const mail = aScaledPool('mail');
const decision: Decision = {
  desired: 7,
  reason: '7 replicas: x.',
  heldBy: 'Panic',
  confidence: 0.8,
  safetyLimitHit: true,
  signals: [
    {
      queue: 'emails',
      depth: 340,
      active: 60,
      arrivalRate: 12.3456789,
      forecastRate: 14,
      serviceTimeMs: 800,
      waitP50Ms: 120,
      waitP95Ms: 1_250,
      waitP99Ms: 4_000,
      oldestAgeMs: 2_500,
      errorRate: 0.25,
      notConsumedMs: 61_500,
      freeSlots: 20,
      wants: 7,
    },
    { queue: 'sms' },
  ],
};

async function rowsAfter(change: (metrics: AutoscalerMetrics) => void): Promise<string[]> {
  const registry = new Registry();
  change(new AutoscalerMetrics(registry));
  const text = await registry.metrics();
  return text.split('\n').filter((row) => row.startsWith('redis_queue_autoscaler_') && row.includes('namespace='));
}

describe('the gauges of a decision', () => {
  it('show each signal of each queue, and nothing where nothing was measured', async () => {
    const rows = await rowsAfter((metrics) => metrics.decided(mail, decision));
    const emails = 'namespace="team",pool="mail",queue="emails"';
    expect(rows.map((row) => row.replace('redis_queue_autoscaler_', ''))).toEqual([
      'desired_replicas{namespace="team",pool="mail"} 7',
      'confidence{namespace="team",pool="mail"} 0.8',
      'limited{namespace="team",pool="mail"} 1',
      'held{namespace="team",pool="mail",reason="Panic"} 1',
      `queue_depth{${emails}} 340`,
      `queue_active{${emails}} 60`,
      `queue_arrivals_per_second{${emails}} 12.3457`,
      `queue_forecast_arrivals_per_second{${emails}} 14`,
      `queue_service_seconds{${emails}} 0.8`,
      `queue_wait_seconds{${emails},quantile="0.5"} 0.12`,
      `queue_wait_seconds{${emails},quantile="0.95"} 1.25`,
      `queue_wait_seconds{${emails},quantile="0.99"} 4`,
      `queue_oldest_age_seconds{${emails}} 2.5`,
      `queue_error_ratio{${emails}} 0.25`,
      `queue_not_consumed_seconds{${emails}} 61.5`,
      `queue_wanted_replicas{${emails}} 7`,
    ]);
  });

  it('are those of the last decision, also when a pool gets other queues', async () => {
    const [emails] = decision.signals;
    const { heldBy: _heldBy, ...calm } = decision;
    const rows = await rowsAfter((metrics) => {
      metrics.decided(mail, decision);
      metrics.decided(mail, { ...calm, safetyLimitHit: false, signals: [{ ...emails!, queue: 'letters', depth: 0 }] });
    });
    expect(rows.some((row) => row.includes('emails') || row.includes('_held{'))).toBe(false);
    expect(rows).toContain('redis_queue_autoscaler_limited{namespace="team",pool="mail"} 0');
    expect(rows).toContain('redis_queue_autoscaler_queue_depth{namespace="team",pool="mail",queue="letters"} 0');
  });

  it('go with their pool', async () => {
    const rows = await rowsAfter((metrics) => {
      for (const pool of [mail, aScaledPool('sms')]) metrics.decided(pool, decision);
      metrics.forget(mail);
    });
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter((row) => row.includes('pool="mail"'))).toEqual([]);
  });

  it('of thousands of pools are written completely and without blocking other work, for two readers at once', async () => {
    const registry = new Registry();
    const metrics = new AutoscalerMetrics(registry);
    for (let n = 0; n < 2_000; n++) metrics.decided(aScaledPool(`pool-${n}`), decision);
    let turns = 0;
    const stop = new AbortController();
    const count = (): void => {
      turns++;
      if (!stop.signal.aborted) setImmediate(count);
    };
    count();
    const texts = await Promise.all([registry.metrics(), registry.metrics()]);
    stop.abort();
    expect(turns).toBeGreaterThan(60);
    for (const text of texts) expect(text.match(/^redis_queue_autoscaler_queue_depth\{/gm)).toHaveLength(2_000);
  });
});

it('the reference explains every metric and its labels', async () => {
  const registry = new Registry();
  new AutoscalerMetrics(registry).decided(mail, decision);
  const text = await registry.metrics();
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(15);
  const undocumented = names.flatMap((name) => {
    const row = page.split('\n').find((line) => line.includes(`\`${name}\``));
    const rows = [...text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'gm'))];
    const labels = rows.flatMap(([, all]) => [...all!.matchAll(/([a-z]+)=/g)].map(([, label]) => label!));
    const missing = [...new Set(labels)].filter((label) => label !== 'le' && !row?.includes(`\`${label}\``));
    return row === undefined ? [name] : missing.map((label) => `${name}{${label}}`);
  });
  expect(undocumented).toEqual([]);
});
