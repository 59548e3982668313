import { setTimeout as sleep } from 'node:timers/promises';
import { RedisConnections } from '@redis-queue/bullmq';
import { estimateQueue, type QueueEstimates } from '@redis-queue/scaling';
import { eventually } from '@redis-queue/rig';
import type { Job } from 'bullmq';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { RedisReader } from './redis-reader.ts';
import { initialKnowledge, learnSample, fieldsToRead, type QueueKnowledge } from './queue-knowledge.ts';
import { TestAutoscaler } from '../testing/autoscaler.ts';
import { buildTopology, type WatchedQueue, type WatchedTarget } from '../watching/topology.ts';

/** What really happened, by the test's own clock. */
interface Ledger {
  readonly waitsMs: number[];
  readonly serviceMs: number[];
  failed: number;
  finished: number;
}

const SAMPLE_MS = 250;
const DELAY_MS = 700;

let t: TestAutoscaler;
beforeEach(async () => {
  t = await TestAutoscaler.start();
});
afterEach(() => t[Symbol.asyncDispose]());

it('arrival rate, service time and its variation, waits and failures are what really happened, without retries and delays', async () => {
  const queue = t.producer('mails');
  const readyMs = new Map<string, number>();
  const ledger: Ledger = { waitsMs: [], serviceMs: [], failed: 0, finished: 0 };
  t.worker('mails', async (job) => record(job, readyMs, ledger), 3);
  const sensor = new Sensor(t.redis.url);
  await sensor.sample();

  // 25 jobs per second for ten seconds, at random intervals: one in ten delayed, one in ten fails at first, one in
  // twenty for good.
  const random = seeded(7);
  const startMs = Date.now();
  let added = 0;
  for (let atMs = gap(random); atMs < 10_000; atMs += gap(random)) {
    // oxlint-disable-next-line no-await-in-loop -- arrivals in their time
    await Promise.all([until(startMs + atMs), sensor.sampleWhenDue()]);
    const kind = added % 20 === 19 ? 'fails' : added % 10 === 4 ? 'retried' : added % 10 === 7 ? 'delayed' : 'plain';
    const delay = kind === 'delayed' ? DELAY_MS : 0;
    const data = { kind, serviceMs: random() < 0.8 ? 20 : 150 };
    const retry = kind === 'retried' ? { attempts: 2, backoff: 300 } : {};
    // oxlint-disable-next-line no-await-in-loop -- arrivals in their time
    const { id } = await queue.add('j', data, { delay, ...retry });
    readyMs.set(id!, Date.now() + delay);
    added++;
  }
  const rate = added / ((Date.now() - startMs) / 1_000);
  const estimatesAtEnd = sensor.estimates();
  const estimates = await eventually(
    async () => {
      await sensor.sample();
      const found = sensor.estimates();
      return ledger.finished >= added && Math.round(found.finishedJobs ?? 0) >= 0.5 * added ? found : undefined;
    },
    { timeoutMs: 60_000, description: 'all jobs to be finished and read' },
  );

  // Every job once, a delayed one when it is due; a retry leaves the line and comes back to it.
  near(sensor.arrivals, added, 3);
  // An average that began with silence: below the truth, and never above it by more than chance.
  expect(estimatesAtEnd.arrivalRate! / rate).toBeGreaterThan(0.15);
  expect(estimatesAtEnd.arrivalRate! / rate).toBeLessThan(1.15);
  const service = mean(ledger.serviceMs);
  near(estimates.serviceTimeMs!, service, 10 + 0.15 * service);
  near(estimates.serviceScv!, variation(ledger.serviceMs), 0.35);
  near(estimates.errorRate!, ledger.failed / ledger.finished, 0.03);
  const waits = ledger.waitsMs.toSorted((a, b) => a - b);
  for (const [percentile, rank] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    const truth = waits[Math.ceil(rank * waits.length) - 1]!;
    near(estimates.waitMs![percentile], truth, 60 + 0.2 * truth);
  }
  sensor.close();
});

async function record(job: Job, readyMs: ReadonlyMap<string, number>, ledger: Ledger): Promise<void> {
  const { kind, serviceMs } = job.data as { kind: string; serviceMs: number };
  const startedMs = Date.now();
  const first = job.attemptsStarted === 1;
  if (kind === 'retried' && first) throw new Error('again');
  // A job may start before its producer knows its id. The sensor does not see when a job that ran twice first started.
  if (first) ledger.waitsMs.push(Math.max(0, startedMs - (readyMs.get(job.id!) ?? startedMs)));
  await sleep(serviceMs);
  ledger.serviceMs.push(Date.now() - startedMs);
  ledger.finished++;
  if (kind !== 'fails') return;
  ledger.failed++;
  throw new Error('no');
}

/** The sensor as the autoscaler uses it, without its decisions. */
class Sensor {
  readonly #connections = new RedisConnections();
  readonly #queue: WatchedQueue;
  readonly #reader: RedisReader;
  #known: QueueKnowledge = initialKnowledge(performance.now(), 5_000, 2_000);
  #dueMs = 0;
  /** Jobs that became ready since the first sample. */
  arrivals = 0;

  constructor(url: string) {
    const topology = buildTopology({
      pools: [aPool('workers', ['mails'])],
      queue: (_, name) => aQueue(name),
      secrets: secretSources(() => aSecret(url)),
    });
    [this.#queue] = [...topology.queues.values()] as [WatchedQueue];
    const [{ target, namespace }] = [...topology.targets.values()] as [WatchedTarget];
    this.#reader = new RedisReader(target, namespace, { connections: this.#connections });
  }

  async sample(): Promise<void> {
    this.#dueMs = performance.now() + SAMPLE_MS;
    const fields = fieldsToRead(this.#known, 5_000, performance.now());
    const result = await this.#reader.sample([this.#queue], [2_000], [fields]);
    if (!result.ok) throw new Error(result.message);
    const sample = result.samples[0]!;
    if (sample instanceof Error) throw sample;
    this.#known = learnSample(this.#known, sample, performance.now(), fields);
    this.arrivals += this.estimates().newArrivals ?? 0;
    const finished = await this.#reader.finished([this.#queue]);
    if (finished !== undefined) this.#known = { ...this.#known, finished: finished[0]! };
  }

  async sampleWhenDue(): Promise<void> {
    if (performance.now() >= this.#dueMs) await this.sample();
  }

  estimates(): QueueEstimates {
    return estimateQueue(this.#known.history, performance.now());
  }

  close(): void {
    this.#reader.close();
    this.#connections.close();
  }
}

/** Time until the next of 25 Poisson arrivals per second, ms. */
function gap(random: () => number): number {
  return (-Math.log(1 - random()) * 1_000) / 25;
}

async function until(ms: number): Promise<void> {
  await sleep(Math.max(0, ms - Date.now()));
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variation(values: readonly number[]): number {
  const average = mean(values);
  return mean(values.map((value) => (value - average) ** 2)) / average ** 2;
}

function near(value: number, truth: number, tolerance: number): void {
  expect(Math.abs(value - truth), `${value} beside ${truth}`).toBeLessThanOrEqual(tolerance);
}
