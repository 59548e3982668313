import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { ago, NOW } from '../testing/objects.ts';
import { PointMetrics } from './metrics.ts';
import { chain, incremental } from './testing.fixture.ts';

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const registry = new Registry();
const metrics = new PointMetrics(registry, () => NOW.getTime());
const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
const PREFIX = 'redis_queue_incremental_backup_';
const LABELS = '{namespace="shop",backup="nightly"}';

it.each(names)('the reference explains %s', (name) => {
  expect(page).toContain(`\n| \`${name}\``);
});

it('the age of a backup without a point counts from when it was created, then from its newest point', async () => {
  const created = incremental([], { metadata: { creationTimestamp: ago(90) } });
  metrics.observed(created, {});
  let text = await registry.metrics();
  expect(text).toContain(`${PREFIX}last_point_age_seconds${LABELS} 90`);
  expect(text).toContain(`${PREFIX}expected_interval_seconds${LABELS} 30`);
  expect(text).not.toContain(`${PREFIX}last_point_timestamp_seconds{`);
  const backup = incremental([chain(1, 20)]);
  metrics.observed(backup, backup.status!);
  text = await registry.metrics();
  expect(text).toContain(`${PREFIX}last_point_age_seconds${LABELS} 20`);
  expect(text).toContain(`${PREFIX}last_point_timestamp_seconds${LABELS} ${NOW.getTime() / 1_000 - 20}`);
});

it('the age of the newest point is by the controller’s clock, whatever that of Redis says', async () => {
  for (const redisSeconds of [-3_600, 240]) {
    const backup = incremental([chain(1, redisSeconds, { extendedAt: ago(40) })]);
    metrics.observed(backup, backup.status!);
    expect(await registry.metrics()).toContain(`${PREFIX}last_point_age_seconds${LABELS} 40`);
  }
});

it('the age is that of the newest point which has all queues', async () => {
  const leftOut = [{ name: 'bills', reason: 'QueueRestoring', message: 'held', since: ago(500) }];
  const backup = incremental([chain(1, 20)], { status: { leftOut } });
  metrics.observed(backup, backup.status!);
  const text = await registry.metrics();
  expect(text).toContain(`${PREFIX}last_point_age_seconds${LABELS} 500`);
  expect(text).toContain(`${PREFIX}queues_left_out${LABELS} 1`);
  const whole = incremental([chain(1, 20)]);
  metrics.observed(whole, whole.status!);
  expect(await registry.metrics()).toContain(`${PREFIX}queues_left_out${LABELS} 0`);
});

it('counts points, and a backup that is gone leaves no series', async () => {
  const backup = incremental([chain(1, 20)]);
  for (const changed of [100, 3]) metrics.taken(backup, { storedBytes: 50, changed });
  for (const reason of ['StorageFull', 'Made up']) metrics.failed(backup, reason);
  const text = await registry.metrics();
  for (const line of [`points_total${LABELS} 2`, `stored_bytes_total${LABELS} 100`, `changed_jobs_total${LABELS} 103`])
    expect(text).toContain(`${PREFIX}${line}`);
  expect(text).toContain(`${PREFIX}failures_total{namespace="shop",backup="nightly",reason="StorageFull"} 1`);
  expect(text).toContain(`${PREFIX}failures_total{namespace="shop",backup="nightly",reason="Other"} 1`);
  metrics.forget(backup.metadata.uid!);
  expect(await registry.metrics()).not.toContain('backup="nightly"');
});
