import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { RedriveMetrics } from './metrics.ts';

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const registry = new Registry();
const metrics = new RedriveMetrics(registry);
const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);

it.each(names)('the reference explains %s', (name) => {
  expect(page).toContain(`\n| \`${name}\``);
});

const lines = async (): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('redis_queue'));

it('counts jobs and ends from 0 on', async () => {
  expect(await lines()).toEqual([
    'redis_queue_redriven_jobs_total 0',
    'redis_queue_redrives_ended_total{outcome="complete"} 0',
    'redis_queue_redrives_ended_total{outcome="failed"} 0',
  ]);
  metrics.redriven(7);
  metrics.ended('Counted');
  metrics.ended('FilterInvalid');
  expect(await lines()).toEqual([
    'redis_queue_redriven_jobs_total 7',
    'redis_queue_redrives_ended_total{outcome="complete"} 1',
    'redis_queue_redrives_ended_total{outcome="failed"} 1',
  ]);
});
