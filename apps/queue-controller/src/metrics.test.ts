import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { QueueMetrics } from './metrics.ts';
import { emptySample, queueObject } from './testing/queues.ts';
import { UpkeepMetrics } from './upkeep/metrics.ts';

const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const registry = new Registry();
const metrics = new QueueMetrics(registry);
const upkeep = new UpkeepMetrics(registry);
const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);

it.each(names)('the reference explains %s', (name) => {
  expect(page).toContain(`\n| \`${name}\``);
});

const samples = async (): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => /^redis_queue_redis_(circuits|calls)/.test(line));

it('counts what circuit breakers did from 0 on, and asks how many are open at each scrape', async () => {
  let open = 2;
  const observer = metrics.circuits('reconcile', () => open);
  expect(await samples()).toEqual([
    'redis_queue_redis_circuits_open{caller="reconcile"} 2',
    'redis_queue_redis_circuits_opened_total{caller="reconcile"} 0',
    'redis_queue_redis_calls_refused_total{caller="reconcile"} 0',
  ]);
  open = 1;
  observer.opened();
  observer.refused();
  expect(await samples()).toEqual([
    'redis_queue_redis_circuits_open{caller="reconcile"} 1',
    'redis_queue_redis_circuits_opened_total{caller="reconcile"} 1',
    'redis_queue_redis_calls_refused_total{caller="reconcile"} 1',
  ]);
});

it('counts shares of connections that are used up from 0 on, and asks how many are open at each scrape', async () => {
  const usedUp = metrics.connections(() => 7);
  usedUp('closed');
  const lines = (await registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('redis_queue_redis_connection'));
  expect(lines).toEqual([
    'redis_queue_redis_connections 7',
    'redis_queue_redis_connection_share_used_up_total{outcome="closed"} 1',
    'redis_queue_redis_connection_share_used_up_total{outcome="refused"} 0',
  ]);
});

it('counts what recurring work has done from 0 on, and names no queue', async () => {
  upkeep.done('moved', 3);
  upkeep.done('lost', 2);
  upkeep.failed('retention', 'RedisBusy');
  upkeep.took('deadLetters', 0.01);
  const lines = (await registry.metrics())
    .split('\n')
    .filter((line) => /^redis_queue_(upkeep|dead_letters)_/.test(line));
  expect(lines).toContain('redis_queue_upkeep_jobs_total{action="moved"} 3');
  expect(lines).toContain('redis_queue_upkeep_jobs_total{action="clamped"} 0');
  expect(lines).toContain('redis_queue_upkeep_failures_total{duty="retention",reason="RedisBusy"} 1');
  expect(lines).toContain('redis_queue_dead_letters_lost_total 2');
  expect(lines.join('\n')).not.toMatch(/queue=|namespace=/);
});

it('counts the jobs of a paused queue as waiting, in whichever list BullMQ keeps them', async () => {
  const sample = emptySample({ paused: true, waiting: 1, legacyPaused: 2 });
  metrics.show([{ queue: queueObject({ paused: true }), sample, waitP95Ms: undefined }]);
  expect(await registry.metrics()).toMatch(/^redis_queue_jobs\{.*state="waiting"\} 3$/m);
});

const shown = (name: string) => ({ queue: queueObject({}, { name }), waitP95Ms: undefined });

it('shows exactly what was sampled last, and no age or wait where there is none', async () => {
  const aged = emptySample({ active: 1, headTimestampMs: 1_000, redisTimeMs: 3_500 });
  metrics.show([{ ...shown('gone'), sample: emptySample() }]);
  metrics.show([{ ...shown('emails'), sample: aged, waitP95Ms: 1_234.5678, dead: 7 }]);
  const rows = (await registry.metrics()).split('\n').filter((line) => /^redis_queue_\w+\{.*queue=/.test(line));
  const emails = 'namespace="shop",queue="emails"';
  const jobs = (state: string, count: number): string => `redis_queue_jobs{${emails},state="${state}"} ${count}`;
  expect(rows).toEqual([
    ...['waiting', 'prioritized'].map((state) => jobs(state, 0)),
    jobs('active', 1),
    ...['delayed', 'overdue', 'completed', 'failed'].map((state) => jobs(state, 0)),
    jobs('dead', 7),
    `redis_queue_oldest_job_age_seconds{${emails}} 2.5`,
    `redis_queue_wait_p95_seconds{${emails}} 1.23457`,
    `redis_queue_paused{${emails}} 0`,
  ]);
});

it('shows thousands of queues completely, and lets others have their turn meanwhile', async () => {
  const sample = emptySample();
  metrics.show(Array.from({ length: 2_000 }, (_, n) => ({ ...shown(`queue-${n}`), sample })));
  let turns = 0;
  const stop = new AbortController();
  const count = (): void => {
    turns++;
    if (!stop.signal.aborted) setImmediate(count);
  };
  count();
  const text = await registry.metrics();
  stop.abort();
  expect(turns).toBeGreaterThan(30);
  expect(text.match(/^redis_queue_jobs\{/gm)).toHaveLength(7 * 2_000);
});
