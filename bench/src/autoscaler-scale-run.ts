import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKubeClient } from '@redis-queue/controller';
import { Redis } from 'ioredis';
import { startBusyQueues } from './busy-queues.ts';
import { ALONE, createFleet, IN_FLIGHT, untilManaged, type FleetSpec } from './fleet.ts';
import { tenths } from './percentile.ts';
import { growth, histogramQuantile, samplesOf, sumBy } from './prometheus.ts';
import { residentMib } from './resident.ts';
import type { RunningApp, Stand } from './stand.ts';

export interface AutoscalerScaleOptions extends FleetSpec {
  /** How many of the pools work on jobs all the time. */
  busyPools: number;
  warmUpMs: number;
  measureMs: number;
  print: (line: string) => void;
}

export interface AutoscalerScaleResult {
  lagP95Ms: number;
  lagP99Ms: number;
  /** VmRSS of the autoscaler, the most in the measured time. */
  rssMib: number;
  /** Of one core: what Redis used with the autoscaler beyond what the same jobs cost it before and after. */
  redisCpuPercent: number;
  /** Of one core, within `redisCpuPercent`: the autoscaler's scripts, as Redis itself counts them. */
  scriptCpuPercent: number;
  /** Of one core. */
  autoscalerCpuPercent: number;
  /** Of one core: what the jobs alone cost Redis. */
  loadRedisCpuPercent: number;
  looksPerSecond: number;
  decisionsPerSecond: number;
  pools: number;
  queues: number;
  busyPools: number;
}

const LAG = 'redis_queue_autoscaler_tick_lag_seconds';
const SECOND_MS = 1_000;

/**
 * Lets one autoscaler look after a fleet and measures it in steady state. The jobs and the workers that run them cost Redis most:
 * they run before, during and after, and what they cost alone, half of the measured time before and half after, is subtracted.
 */
export async function runAutoscalerScale(
  stand: Stand,
  options: AutoscalerScaleOptions,
): Promise<AutoscalerScaleResult> {
  const { pools, queues, busyPools, warmUpMs, measureMs, print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const redis = new Redis(stand.redis.url, { maxRetriesPerRequest: null });
  try {
    print(`creating ${queues} Queues and ${pools} WorkerPools`);
    const fleet = await createFleet(client, stand.namespace, options);
    await stand.startApp('workerpool-controller', ALONE);
    await untilManaged(client, stand.namespace, pools);

    await using during = new AsyncDisposableStack();
    during.use(
      await startBusyQueues(
        stand.redis.url,
        fleet.slice(0, busyPools).flatMap((pool) => pool.queues),
      ),
    );
    const alone = async (): Promise<number> => {
      await sleep(warmUpMs / 2);
      const before = await redisCpu(redis);
      await sleep(measureMs / 2);
      return used(before, await redisCpu(redis)).cpuPercent;
    };
    print(`${busyPools} pools are busy; the jobs alone`);
    const aloneBefore = await alone();
    const app = await stand.startApp('autoscaler', ALONE);
    print(`the autoscaler runs; warming up for ${warmUpMs / SECOND_MS} s, then measuring ${measureMs / SECOND_MS} s`);
    await sleep(warmUpMs);
    const measured = await measure(app, redis, measureMs);
    await app.process.stop('SIGTERM');
    print('the jobs alone once more');
    const loadRedisCpuPercent = (aloneBefore + (await alone())) / 2;
    const { redisCpuPercent, ...rest } = measured;
    return {
      ...rest,
      redisCpuPercent: hundredths(redisCpuPercent - loadRedisCpuPercent),
      loadRedisCpuPercent: hundredths(loadRedisCpuPercent),
      pools,
      queues,
      busyPools,
    };
  } finally {
    redis.disconnect();
    await client.close();
  }
}

type Measured = Omit<AutoscalerScaleResult, 'loadRedisCpuPercent' | 'pools' | 'queues' | 'busyPools'>;

/** `redisCpuPercent` is the whole of Redis here. */
async function measure(app: RunningApp, redis: Redis, measureMs: number): Promise<Measured> {
  const page = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${app.httpPort}/metrics`)).text();
  const pageBefore = await page();
  const redisBefore = await redisCpu(redis);
  const appBefore = { atMs: performance.now(), cpuMs: processCpuMs(app.process.pid) };
  let rssMib = 0;
  while (performance.now() - appBefore.atMs < measureMs) {
    await sleep(SECOND_MS);
    rssMib = Math.max(rssMib, residentMib(app.process.pid));
  }
  const redisUsed = used(redisBefore, await redisCpu(redis));
  const elapsedMs = performance.now() - appBefore.atMs;
  const cpuMs = processCpuMs(app.process.pid) - appBefore.cpuMs;
  const pageAfter = await page();
  const perSecond = (name: string): number => {
    const sum = (text: string) => sumBy(samplesOf(text, name), () => '');
    return tenths(((growth(sum(pageBefore), sum(pageAfter)).get('') ?? 0) * SECOND_MS) / elapsedMs);
  };
  const lagMs = (fraction: number): number =>
    tenths(histogramQuantile(pageBefore, pageAfter, LAG, fraction) * SECOND_MS);
  return {
    lagP95Ms: lagMs(0.95),
    lagP99Ms: lagMs(0.99),
    rssMib: tenths(rssMib),
    redisCpuPercent: redisUsed.cpuPercent,
    scriptCpuPercent: hundredths(redisUsed.scriptPercent),
    autoscalerCpuPercent: tenths((100 * cpuMs) / elapsedMs),
    looksPerSecond: perSecond(`${LAG}_count`),
    decisionsPerSecond: perSecond('redis_queue_autoscaler_decisions_published_total'),
  };
}

interface RedisCpu {
  atMs: number;
  cpuMs: number;
  /** In EVALSHA_RO: of all clients here only the autoscaler reads by it. */
  scriptMs: number;
}

async function redisCpu(redis: Redis): Promise<RedisCpu> {
  const info = await redis.info('cpu', 'commandstats');
  const number = (pattern: RegExp): number => Number(pattern.exec(info)?.[1] ?? 0);
  const seconds = number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/);
  const scriptMicroseconds = number(/cmdstat_evalsha_ro:calls=\d+,usec=(\d+)/);
  return { atMs: performance.now(), cpuMs: seconds * SECOND_MS, scriptMs: scriptMicroseconds / 1_000 };
}

function used(before: RedisCpu, after: RedisCpu): { cpuPercent: number; scriptPercent: number } {
  const elapsedMs = after.atMs - before.atMs;
  return {
    cpuPercent: (100 * (after.cpuMs - before.cpuMs)) / elapsedMs,
    scriptPercent: (100 * (after.scriptMs - before.scriptMs)) / elapsedMs,
  };
}

/** The kernel counts in hundredths of a second, whatever the machine. */
const TICK_MS = 10;

/** User and system time of all threads of a process, ms; Linux only. */
function processCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
