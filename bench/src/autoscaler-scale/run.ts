import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKubeClient } from '@redis-queue/controller';
import { Redis } from 'ioredis';
import { startBusyQueues } from '../load/busy-queues.ts';
import { ALONE, createFleet, IN_FLIGHT, untilManaged, type FleetSpec } from '../fleet/fleet.ts';
import { hundredths, tenths } from '../measuring/percentile.ts';
import { cpuPercent, excessOf, readRedisCpu, scriptPercent, type RedisCpu } from '../measuring/redis-cpu.ts';
import { growth, histogramQuantile, samplesOf, sumBy } from '../measuring/prometheus.ts';
import { residentMib } from '../measuring/resident.ts';
import type { RunningApp, Stand } from '../stand/stand.ts';

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
  /** Of one core: what the replica that the autoscaler reads used beyond its twin, which gets the same jobs. */
  redisCpuPercent: number;
  /** Standard error of `redisCpuPercent`. */
  redisCpuErrorPercent: number;
  /** Of one core, within `redisCpuPercent`: the autoscaler's scripts, as Redis itself counts them. */
  scriptCpuPercent: number;
  /** Of one core. */
  autoscalerCpuPercent: number;
  /** Of one core: what the jobs cost the Redis that their workers run on. */
  loadRedisCpuPercent: number;
  samplesPerSecond: number;
  decisionsPerSecond: number;
  pools: number;
  queues: number;
  busyPools: number;
}

const LAG = 'redis_queue_autoscaler_tick_lag_seconds';
const SECOND_MS = 1_000;

/** Windows into which the measured time is cut, for the error. */
const WINDOWS = 12;

/**
 * Runs one autoscaler over a fleet and measures it in steady state. The jobs and the workers that run them cost Redis
 * ten times as much as the autoscaler, and a different amount each time: they run on a master, and the autoscaler reads
 * one of its two replicas.
 *
 * @param stand with two replicas.
 */
export async function runAutoscalerScale(
  stand: Stand,
  options: AutoscalerScaleOptions,
): Promise<AutoscalerScaleResult> {
  const { pools, queues, busyPools, warmUpMs, measureMs, print } = options;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const servers = [stand.redis, ...stand.replicas].map(({ url }) => new Redis(url, { maxRetriesPerRequest: null }));
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
    print(`${busyPools} pools are busy`);
    const app = await stand.startApp('autoscaler', ALONE);
    print(`the autoscaler runs; warming up for ${warmUpMs / SECOND_MS} s, then measuring ${measureMs / SECOND_MS} s`);
    await sleep(warmUpMs);
    const measured = await measure(app, servers, measureMs);
    await app.process.stop('SIGTERM');
    return { ...measured, pools, queues, busyPools };
  } finally {
    for (const server of servers) server.disconnect();
    await client.close();
  }
}

type Measured = Omit<AutoscalerScaleResult, 'pools' | 'queues' | 'busyPools'>;

/** @param servers the master, the replica that is read, and its twin. */
async function measure(app: RunningApp, servers: readonly Redis[], measureMs: number): Promise<Measured> {
  const page = async (): Promise<string> => await app.process.metrics();
  const pageBefore = await page();
  const used: RedisCpu[][] = servers.map(() => []);
  const readServers = async (): Promise<void> => {
    for (const [n, cpu] of (await Promise.all(servers.map(readRedisCpu))).entries()) used[n]!.push(cpu);
  };
  await readServers();
  const appBefore = { atMs: performance.now(), cpuMs: processCpuMs(app.process.pid) };
  let rssMib = 0;
  while (performance.now() - appBefore.atMs < measureMs) {
    await sleep(SECOND_MS);
    rssMib = Math.max(rssMib, residentMib(app.process.pid));
    if (performance.now() - appBefore.atMs >= (used[0]!.length * measureMs) / WINDOWS) await readServers();
  }
  const [master, sampled, twin] = used as [RedisCpu[], RedisCpu[], RedisCpu[]];
  const excess = excessOf(sampled, twin);
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
    redisCpuPercent: hundredths(excess.percent),
    redisCpuErrorPercent: hundredths(excess.error),
    scriptCpuPercent: hundredths(scriptPercent(sampled[0]!, sampled.at(-1)!)),
    loadRedisCpuPercent: hundredths(cpuPercent(master[0]!, master.at(-1)!)),
    autoscalerCpuPercent: tenths((100 * cpuMs) / elapsedMs),
    samplesPerSecond: perSecond(`${LAG}_count`),
    decisionsPerSecond: perSecond('redis_queue_autoscaler_decisions_published_total'),
  };
}

/** The kernel counts in hundredths of a second, whatever the machine. */
const TICK_MS = 10;

/** User and system time of all threads of a process, ms; Linux only. */
function processCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
