import { describe, expect, test } from 'vitest';
import { planScheduler, type HeldScheduler } from './restored-scheduler.ts';

const HOUR = 3_600_000;
const SNAPSHOT = Date.UTC(2026, 5, 1, 12, 30);
/** Two days later. */
const NOW = SNAPSHOT + 48 * HOUR + 600_000;
const hourly: HeldScheduler = {
  id: 'hourly',
  nextMs: SNAPSHOT + 1_800_000,
  hash: { name: 'report', every: String(HOUR), ic: '7', data: '{"a":1}', opts: '{"attempts":3}' },
  job: 'held',
  jobOpts: '{"attempts":3,"repeat":{"every":3600000,"count":7},"jobId":"old","prevMillis":1,"delay":1,"timestamp":1}',
};
const plan = (scheduler: Partial<HeldScheduler>, nowMs = NOW) =>
  planScheduler({ ...hourly, ...scheduler }, { nowMs, snapshotAtMs: SNAPSHOT });
const optsOf = (text: string | undefined): unknown => JSON.parse(text ?? 'null');

describe('a job scheduler, when its queue is resumed', () => {
  test('keeps a run that is to come', () => {
    expect(plan({}, SNAPSHOT + 60_000)).toEqual({ nextMs: hourly.nextMs, way: 'held' });
  });

  test('leaves out the runs since the snapshot, and goes on with the first one to come, at the same distance', () => {
    const { nextMs, way, opts } = plan({});
    expect([nextMs, way]).toEqual([Date.UTC(2026, 5, 3, 13), 'moved']);
    expect(optsOf(opts)).toEqual({
      attempts: 3,
      repeat: { every: HOUR, count: 7 },
      jobId: `repeat:hourly:${nextMs}`,
      prevMillis: nextMs,
      repeatJobKey: 'hourly',
      delay: nextMs - NOW,
      timestamp: NOW,
    });
    expect(plan({ nextMs: hourly.nextMs + 1_234 }).nextMs).toBe(Date.UTC(2026, 5, 3, 13) + 1_234);
  });

  test('with a cron expression goes on in its time zone', () => {
    const hash = { name: 'report', pattern: '0 2 * * *', tz: 'Asia/Tokyo' };
    expect(plan({ hash }).nextMs).toBe(Date.UTC(2026, 5, 3, 17));
  });

  test('runs what was due at the snapshot and had not run', () => {
    expect(plan({ nextMs: SNAPSHOT - 1 })).toEqual({ nextMs: SNAPSHOT - 1, way: 'held' });
    expect(plan({ nextMs: SNAPSHOT - 1, job: 'unfinished' })).toEqual({ nextMs: SNAPSHOT - 1, way: 'placed' });
  });

  test('whose next job is over or absent is given one', () => {
    for (const job of ['over', 'absent'] as const) {
      const { nextMs, way, opts } = plan({ job, jobOpts: undefined });
      expect([nextMs, way]).toEqual([Date.UTC(2026, 5, 3, 13), 'made']);
      expect(optsOf(opts)).toMatchObject({ attempts: 3, repeat: { every: HOUR, count: 7 } });
    }
    expect(plan({ job: 'absent' }, SNAPSHOT)).toMatchObject({ nextMs: hourly.nextMs, way: 'made' });
  });

  test('that has ended has no run to come', () => {
    const ended = { ...hourly.hash, endDate: String(NOW - 1) };
    expect(plan({ hash: ended })).toEqual({ nextMs: hourly.nextMs, way: 'placed' });
    expect(plan({ hash: { ...hourly.hash, limit: '7' }, job: 'over' })).toEqual({
      nextMs: hourly.nextMs,
      way: 'placed',
    });
    // The run that is left out was the last one of seven; it comes later.
    expect(plan({ hash: { ...hourly.hash, limit: '7' } })).toMatchObject({ way: 'moved' });
  });

  test('whose options are nested too deep to be written again keeps its run', () => {
    const deep = `{"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    expect(plan({ jobOpts: deep })).toEqual({ nextMs: hourly.nextMs, way: 'held' });
    const hash = { ...hourly.hash, opts: deep };
    expect(plan({ job: 'absent', hash })).toEqual({ nextMs: hourly.nextMs, way: 'placed' });
  });

  test('whose times cannot be read keeps its run', () => {
    const unreadable = [{ pattern: 'every day' }, { every: '-1' }, { every: 'x' }, {}, { pattern: '0 0 30 2 *' }];
    for (const hash of unreadable as Record<string, string>[])
      expect(plan({ hash })).toEqual({ nextMs: hourly.nextMs, way: 'held' });
  });
});
