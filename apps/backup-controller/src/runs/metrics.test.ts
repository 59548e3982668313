import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { BackupMetrics, RunMetrics } from './metrics.ts';

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const registry = new Registry();
const metrics = new BackupMetrics(registry, { running: 3, oldestMs: () => new Map([['shop', 90_000]]) });
void new RunMetrics(registry, 'restore', { running: 0, oldestMs: () => new Map() });
const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);

it.each(names)('the reference explains %s', (name) => {
  expect(page).toContain(`\n| \`${name}\``);
});

it('tells when a backup of the namespace completed last, in whichever order they are seen', async () => {
  for (const time of ['2026-03-01T00:00:00Z', '2026-03-03T00:00:00Z', '2026-03-02T00:00:00Z', 'never'])
    metrics.sawEnd('shop', { phase: 'Completed', completionTime: time });
  metrics.sawEnd('shop', { phase: 'Failed', completionTime: '2026-03-04T00:00:00Z' });
  const text = await registry.metrics();
  expect(text).toContain(
    `redis_queue_backup_last_success_timestamp_seconds{namespace="shop"} ${Date.parse('2026-03-03T00:00:00Z') / 1_000}`,
  );
  expect(text).toContain(
    `redis_queue_backup_last_failure_timestamp_seconds{namespace="shop"} ${Date.parse('2026-03-04T00:00:00Z') / 1_000}`,
  );
  expect(text).toContain('redis_queue_backups_running 3');
  expect(text).toContain('redis_queue_backup_run_age_seconds{namespace="shop"} 90');
});

it('a backup that lacks queues is no success of the namespace', async () => {
  const leftOut = [{ name: 'bills', reason: 'QueueUnreadable', message: 'no list' }];
  metrics.sawEnd('crm', { phase: 'Completed', completionTime: '2026-03-03T00:00:00Z', leftOut });
  const text = await registry.metrics();
  expect(text).toContain(
    `redis_queue_backup_last_partial_timestamp_seconds{namespace="crm"} ${Date.parse('2026-03-03T00:00:00Z') / 1_000}`,
  );
  expect(text).not.toContain('redis_queue_backup_last_success_timestamp_seconds{namespace="crm"}');
});

it('counts what was stored, and failures by their reason', async () => {
  metrics.completed('shop', { tookMs: 2_000, jobs: 10 });
  metrics.stored('shop', 4_096);
  metrics.failed('shop', 'StorageFull');
  const text = await registry.metrics();
  expect(text).toContain('redis_queue_backup_jobs_total{namespace="shop"} 10');
  expect(text).toContain('redis_queue_backup_stored_bytes_total{namespace="shop"} 4096');
  expect(text).toContain('redis_queue_backup_failures_total{namespace="shop",reason="StorageFull"} 1');
});
