import { eventually, startRedis } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import type { WorkerConfig } from '../environment/config.ts';
import { createLog } from '../log/log.ts';
import { UsageMeter } from './meter.ts';
import { startUsageReports, usageKey } from './report.ts';

const MI = 2 ** 20;
const CONFIG: WorkerConfig = {
  queues: [{ queue: 'emails', name: 'emails', prefix: 'bull' }],
  concurrency: 4,
  pool: 'mail',
  namespace: 'shop',
  version: '1',
  podName: 'pod-0',
  gracePeriodMs: 0,
  maxDrainTimeMs: 0,
  httpPort: 0,
};

it('a pod that comes close to its memory limit reports at once, since it may be killed before its next report', async () => {
  const server = await startRedis();
  const redis = new Redis(server.port);
  redis.on('error', () => undefined);
  let memoryBytes = 400 * MI;
  const meter = new UsageMeter(4, {
    now: () => performance.now(),
    resources: () => ({ cpuSeconds: 0, memoryBytes, memoryLimitBytes: 512 * MI }),
    eventLoop: () => performance.eventLoopUtilization(),
  });
  const log = createLog('error', Date.now, () => undefined);
  const reports = startUsageReports(redis, CONFIG, log, { sampleMs: 10, reportMs: 600_000 }, meter);
  try {
    void reports.measured(() => new Promise(() => undefined))({} as never);
    await eventually(() => redis.status === 'ready');
    expect(await redis.exists(usageKey(CONFIG))).toBe(0);
    memoryBytes = 500 * MI;
    const report = await eventually(async () => (await redis.hget(usageKey(CONFIG), 'pod-0')) ?? undefined);
    expect(JSON.parse(report.slice(report.indexOf(' ')))).toMatchObject({ memory: 500 * MI, memoryLimit: 512 * MI });
  } finally {
    await reports.stop();
    redis.disconnect();
    await server.stop();
  }
});

it('what changes while a report is on its way is in the next one, which is sent at once', async () => {
  const server = await startRedis();
  const redis = new Redis(server.port);
  redis.on('error', () => undefined);
  let memoryBytes = 100 * MI;
  const meter = new UsageMeter(4, {
    now: () => performance.now(),
    resources: () => ({ cpuSeconds: 0, memoryBytes, memoryLimitBytes: 512 * MI }),
    eventLoop: () => performance.eventLoopUtilization(),
  });
  const log = createLog('error', Date.now, () => undefined);
  const reports = startUsageReports(redis, CONFIG, log, { sampleMs: 600_000, reportMs: 600_000 }, meter);
  try {
    void reports.measured(() => new Promise(() => undefined))({} as never);
    await eventually(() => redis.status === 'ready');
    reports.now();
    memoryBytes = 200 * MI;
    meter.sample();
    reports.now();
    const reported = async (): Promise<string | undefined> => {
      const report = await redis.hget(usageKey(CONFIG), 'pod-0');
      return report?.includes(`"memory":${200 * MI},`) ? report : undefined;
    };
    expect(await eventually(reported)).toContain('"version":"1"');
  } finally {
    await reports.stop();
    redis.disconnect();
    await server.stop();
  }
});
