import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { DrillMetrics } from './drill-metrics.ts';
import { ScheduleMetrics } from './metrics.ts';
import { at, scheduleObject } from './testing.fixture.ts';

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
const registry = new Registry();
const metrics = new ScheduleMetrics(registry, () => at('2026-03-02T00:00:00Z'));
void new DrillMetrics(registry);
const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);

it.each(names)('the reference explains %s', (name) => {
  expect(page).toContain(`\n| \`${name}\``);
});

it('before the first backup that completes, the age counts from when the schedule came into effect', async () => {
  const timetable = { schedule: '0 2 * * *', timeZone: 'UTC', since: '2026-03-01T12:00:00Z' };
  metrics.observed(scheduleObject(), { timetable }, { intervalMs: 86_400_000, overdueAtMs: undefined });
  const text = await registry.metrics();
  expect(text).toContain('last_success_age_seconds{namespace="shop",schedule="nightly"} 43200');
  expect(text).not.toContain('last_success_timestamp_seconds{');
});

it('a reason that backups do not give is one label value, whatever a status says', async () => {
  for (const reason of ['StorageFull', 'StorageFull', 'Made', 'Up']) metrics.failed(scheduleObject(), reason);
  const text = await registry.metrics();
  expect(text).toContain('failures_total{namespace="shop",schedule="nightly",reason="StorageFull"} 2');
  expect(text).toContain('failures_total{namespace="shop",schedule="nightly",reason="Other"} 2');
});

/** The sample of a schedule whose backup is overdue from then on. */
async function overdueSample(overdueAtMs: number): Promise<string> {
  metrics.observed(scheduleObject(), {}, { intervalMs: undefined, overdueAtMs });
  const text = await registry.getSingleMetricAsString('redis_queue_backup_schedule_overdue');
  return text.split('\n').at(-1)!;
}

it('a backup is overdue from its time on, whether or not the schedule is reconciled', async () => {
  const nowMs = at('2026-03-02T00:00:00Z');
  const series = 'redis_queue_backup_schedule_overdue{namespace="shop",schedule="nightly"}';
  expect(await overdueSample(nowMs + 1)).toBe(`${series} 0`);
  expect(await overdueSample(nowMs)).toBe(`${series} 1`);
});

/** The newest value of a metric of schedules. */
async function sample(name: string): Promise<string | undefined> {
  return (await registry.getSingleMetricAsString(`redis_queue_backup_schedule_${name}`)).split(' ').at(-1);
}

it('a schedule that cannot be read is overdue unless it is suspended, and its age counts from its creation', async () => {
  const schedule = scheduleObject();
  const observe = (suspend: boolean) =>
    metrics.observed(
      {
        ...schedule,
        metadata: { ...schedule.metadata, creationTimestamp: '2026-03-01T23:00:00Z' },
        spec: { ...schedule.spec, suspend },
      },
      {},
      { intervalMs: undefined, overdueAtMs: undefined, isInvalid: true },
    );
  observe(false);
  expect([await sample('invalid'), await sample('overdue')]).toEqual(['1', '1']);
  expect(await sample('last_success_age_seconds')).toBe('3600');
  observe(true);
  expect([await sample('invalid'), await sample('overdue')]).toEqual(['1', '0']);
});
