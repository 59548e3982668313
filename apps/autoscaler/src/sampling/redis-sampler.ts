import {
  classifyRedisError,
  describeTarget,
  serverOf,
  type BacklogSample,
  type ConnectionShares,
  type RedisConnections,
  type ServerPressure,
} from '@redis-queue/bullmq';
import { untilBurstSampleMs } from '@redis-queue/scaling';
import type { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import type { WatchedQueue, WatchedTarget } from '../watching/topology.ts';
import { isAtRest, onGrid, phaseOf, SAFETY_POLL_MS, TICK_MS, untilNextSampleMs } from './cadence.ts';
import {
  fieldsToRead,
  initialKnowledge,
  learnFailure,
  learnSample,
  mayHaveFinished,
  type QueueKnowledge,
} from './queue-knowledge.ts';
import { RedisReader, type SampleResult } from './redis-reader.ts';
import type { SamplerHost } from './sampler-host.ts';
import type { SamplingBudget } from './sampling-budget.ts';
import { ClientRoom } from './client-room.ts';
import { Saturation } from './saturation.ts';
import type { StartingClients } from './starting-clients.ts';
import { SampleSchedule } from './schedule.ts';
import { WakeUp } from './wake-up.ts';

export interface SamplerOptions {
  readonly connections: RedisConnections;
  /** Shares of the connections for wake-ups; absent: no limit. */
  readonly standing?: ConnectionShares;
  readonly metrics: AutoscalerMetrics;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Of all samplers: servers may be reached by several users. */
  readonly starting: StartingClients;
  /** Of a server, as `serverOf` names it: all who log in there share it. */
  readonly budgetOf: (server: string) => SamplingBudget;
  /** The first guess of how long a pod takes to start, ms, until it is measured: jobs due within it are load already. */
  readonly podStartMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly host: SamplerHost;
}

/**
 * A sample that takes longer is stuck in a Redis that does not answer. Until it does, the samples before must not be
 * decided on again and again: the scale-in window would fill with one old sample.
 */
const HANGING_AFTER_MS = 1_500;

/** Wake-ups that come back within this time were not missed: pools do not say so. */
const POLLED_AFTER_MS = 5_000;

/** How often a queue for which there was no connection asks again. */
const TURN_RETRY_MS = 4_000;

/** One queue, from when the first pool names it until none does any more. */
interface SampledQueue {
  queue: WatchedQueue;
  /** Its place on the grid; see `phaseOf`. */
  phaseMs: number;
  knowledge: QueueKnowledge;
  /** Since when a sample is in flight; there is at most one at a time. */
  inFlightSinceMs?: number | undefined;
  /** A sample was asked for while one was in flight, which may have read before that. */
  sampleAgain: boolean;
  readingFinished: boolean;
  /** Left to wake-ups. */
  atRest: boolean;
  /** The wake-up is armed, as far as is known. */
  armed: boolean;
  wakeUp?: WakeUp | undefined;
}

/** Samples the queues of one Redis when they are due or woken, and holds what is known of them. */
export class RedisSampler {
  /** For reads that decisions ask for. */
  readonly reader: RedisReader;
  readonly #options: SamplerOptions;
  readonly #targetKey: string;
  /** The place on the grid of a Redis that cannot be read. */
  readonly #phaseMs: number;
  readonly #schedule = new SampleSchedule();
  readonly #queues = new Map<string, SampledQueue>();
  readonly #saturation = new Saturation();
  readonly #budget: SamplingBudget;
  /** For how many pods the server has connections. */
  readonly clients: ClientRoom;
  #failing = false;
  /** Why wake-ups did not work the last time that they did not. */
  #wakeUpFailure = 'Redis has not answered yet';
  /** Whether wake-ups work, as it was last logged and shown; undefined while no queue is left to them. */
  #wakeUpsWork: boolean | undefined;
  #wakeUpsFailedSinceMs: number | undefined;

  /** For people: where this Redis is. */
  readonly #address: string;

  /** @param namespace whose share of connections it counts for. */
  constructor(targetKey: string, { target, namespace }: WatchedTarget, options: SamplerOptions) {
    this.#address = describeTarget(target);
    this.#targetKey = targetKey;
    this.#phaseMs = phaseOf({ pools: [targetKey] });
    this.#options = options;
    // Databases of a server share its connections and its processor.
    const server = serverOf({ ...target, db: 0 });
    this.clients = new ClientRoom(server, options.starting);
    this.#budget = options.budgetOf(server);
    const { connections, standing } = options;
    this.reader = new RedisReader(target, namespace, {
      connections,
      ...(standing && { standing }),
      onWakeUpsFailed: (failure) => (this.#wakeUpFailure = failure),
      onWakeUpsLost: () => this.#wakeUpsLost(),
    });
  }

  /**
   * What is known of the queue; undefined when it is not followed. While a sample hangs, this says that Redis does not
   * answer.
   */
  knowledge(id: string): QueueKnowledge | undefined {
    const followed = this.#queues.get(id);
    if (followed?.inFlightSinceMs === undefined) return followed?.knowledge;
    const hangs = this.#options.now() - followed.inFlightSinceMs > HANGING_AFTER_MS;
    return hangs ? learnFailure(followed.knowledge, 'Redis does not answer') : followed.knowledge;
  }

  /** Whether this Redis is at its limit. */
  get saturated(): boolean {
    return this.#saturation.saturated;
  }

  /** Why queues at rest are polled, once that has lasted; undefined: they are not, or none is at rest. */
  get wakeUpsFailure(): string | undefined {
    const sinceMs = this.#wakeUpsFailedSinceMs;
    // Of a Redis that cannot be read there is worse to say.
    if (sinceMs === undefined || this.#failing || this.reader.wakeUpsLive === true) return undefined;
    return this.#options.now() - sinceMs >= POLLED_AFTER_MS ? this.#wakeUpFailure : undefined;
  }

  /** When the next sample is due; undefined when none is planned. */
  nextDueMs(): number | undefined {
    return this.#schedule.nextMs();
  }

  /** Samples the queue from now on, at once if it is new or other pools work on it. */
  follow(queue: WatchedQueue): void {
    const nowMs = this.#options.now();
    const followed = this.#queues.get(queue.id);
    if (followed?.queue.pools.join() !== queue.pools.join()) this.#schedule.planBy(queue.id, nowMs);
    if (followed !== undefined) {
      Object.assign(followed, { queue, phaseMs: phaseOf(queue) });
      return;
    }
    const knowledge = initialKnowledge(nowMs, queue.waitTargetMs, this.#podStartMs(queue));
    const idle = { sampleAgain: false, readingFinished: false, atRest: false, armed: false };
    this.#queues.set(queue.id, { queue, phaseMs: phaseOf(queue), knowledge, ...idle });
  }

  /** No pool names the queue any more. */
  forget(queue: WatchedQueue): void {
    this.reader.forget(queue);
    this.#schedule.delete(queue.id);
    this.#queues.delete(queue.id);
  }

  /**
   * Samples the queue with the next tick, whatever was planned for it; at once if it may be left to wake-ups from now
   * on.
   */
  sampleSoon(id: string): void {
    const followed = this.#queues.get(id);
    if (followed === undefined) return;
    const { host, now } = this.#options;
    const { queue, phaseMs } = followed;
    const nowMs = now();
    this.#schedule.planBy(id, areAtZero(queue, host) ? nowMs : onGrid(nowMs, phaseMs));
  }

  /** Samples all queues whose last sample failed, at once. */
  retryFailed(): void {
    const nowMs = this.#options.now();
    for (const [id, { knowledge }] of this.#queues) {
      if (knowledge.failure !== undefined) this.#schedule.planBy(id, nowMs);
    }
  }

  /** Starts the samples that are due now, all in one go. */
  sampleDue(): void {
    const nowMs = this.#options.now();
    const batch: SampledQueue[] = [];
    let dueMs = Infinity;
    for (const { id, atMs } of this.#schedule.takeDue(nowMs)) {
      const followed = this.#queues.get(id);
      if (followed === undefined) continue;
      if (followed.inFlightSinceMs !== undefined) {
        followed.sampleAgain = true;
        continue;
      }
      const settledMs = followed.wakeUp?.settledMs(nowMs);
      if (settledMs !== undefined) {
        this.#schedule.planBy(id, settledMs);
        continue;
      }
      batch.push(followed);
      dueMs = Math.min(dueMs, atMs);
    }
    if (batch.length > 0) void this.#sample(batch, dueMs);
  }

  close(): void {
    this.#options.metrics.forgetRedis(this.#address);
    this.reader.close();
    this.clients.close();
    this.#queues.clear();
  }

  /** Samples, then has the pools decided; what has finished is read after that, for the next decision. */
  async #sample(batch: readonly SampledQueue[], dueMs: number): Promise<void> {
    const { now, metrics, host } = this.#options;
    const queues = batch.map(({ queue }) => queue);
    const startMs = now();
    for (const followed of batch) followed.inFlightSinceMs = startMs;
    const podStartMs = queues.map((queue) => this.#podStartMs(queue));
    const fields = batch.map(({ knowledge, queue }) => fieldsToRead(knowledge, queue.waitTargetMs, startMs));
    const asksPressure = this.#saturation.takeDue(startMs);
    this.#budget.read(batch.length);
    const [result, pressure] = await Promise.all([
      this.reader.sample(queues, podStartMs, fields),
      asksPressure ? this.reader.pressure() : undefined,
    ]);
    const atMs = now();
    metrics.sampled(result.ok ? 'ok' : 'failed', startMs - dueMs, atMs - startMs);
    // Turns come and go; the pools say that their queues wait.
    if (result.ok || !result.waits) this.#logChange(result.ok ? undefined : result.message);
    if (result.ok) this.#saturation.sampled(atMs - startMs, atMs);
    if (pressure !== undefined) this.#reported(pressure, atMs);
    const finishing: SampledQueue[] = [];
    const news: WatchedQueue[] = [];
    batch.forEach((followed, index) => {
      const { knowledge: known, queue } = followed;
      followed.inFlightSinceMs = undefined;
      const sample = sampleOrFailure(result, index);
      // What is known to fail changes no size: that it still does, the host notices by itself.
      if (sample !== known.failure) news.push(queue);
      if (typeof sample === 'string') {
        followed.knowledge = learnFailure(known, sample);
        return;
      }
      if (mayHaveFinished(known.latest?.sample, sample)) finishing.push(followed);
      followed.knowledge = learnSample(known, sample, atMs, fields[index], podStartMs[index]);
    });
    if (news.length > 0) await host.onSampled(news, () => this.#markDecided(news));
    for (const followed of batch) if (this.#isFollowed(followed)) this.#planNext(followed, result);
    // Planned while the host was waiting for what it knew of before.
    host.onRescheduled();
    void this.#readFinished(finishing.filter((followed) => this.#isFollowed(followed)));
  }

  /** How long pods take to start that work on the queue: as long as those of its slowest pool. */
  #podStartMs({ pools }: WatchedQueue): number {
    const { podStartMs: guessMs, host } = this.#options;
    let longestMs = 0;
    for (const key of pools) longestMs = Math.max(longestMs, host.podStartMs(key) ?? guessMs);
    return longestMs;
  }

  #reported(pressure: ServerPressure, atMs: number): void {
    this.#saturation.reported(pressure, atMs);
    this.#budget.reported(pressure, atMs);
    this.clients.reported(pressure.clients);
    this.#options.metrics.clients(this.#address, pressure.clients);
    if (this.#budget.share !== undefined) this.#options.metrics.samplingShare(this.#address, this.#budget.share);
  }

  /** Measures how long it took from a queue's wake-up to the first decision on the bus. */
  #markDecided(queues: readonly WatchedQueue[]): void {
    const { metrics, now } = this.#options;
    for (const { id } of queues) {
      const latencyMs = this.#queues.get(id)?.wakeUp?.decidedAfterMs(now());
      if (latencyMs !== undefined) metrics.woken(latencyMs);
    }
  }

  #isFollowed(followed: SampledQueue): boolean {
    return this.#queues.get(followed.queue.id) === followed;
  }

  /** Logs when samples begin to fail, and when they work again. */
  #logChange(failure: string | undefined): void {
    const { log } = this.#options;
    const redis = this.#targetKey;
    if (failure === undefined && this.#failing) log.info({ redis }, 'Redis can be read again');
    if (failure !== undefined && !this.#failing)
      log.warn({ redis, failure }, 'Redis cannot be read: the pools on its queues keep their size until it can');
    this.#failing = failure !== undefined;
  }

  /** @param result of the read that it was a part of. */
  #planNext(followed: SampledQueue, result: SampleResult): void {
    const { now, host } = this.#options;
    const { queue, phaseMs, knowledge, wakeUp } = followed;
    const nowMs = now();
    const followUpMs = followed.sampleAgain ? nowMs : wakeUp?.takeFollowUp();
    followed.sampleAgain = false;
    if (followUpMs !== undefined) this.#schedule.planBy(queue.id, followUpMs);
    else followed.wakeUp = undefined;
    if (followed.atRest || this.#wakeUpsWork !== undefined) this.#showWakeUps(this.reader.wakeUpsLive === true);
    // All queues of a Redis that cannot be read at the same time, so that it is asked once per tick and not for each.
    if (!result.ok)
      return this.#schedule.planBy(queue.id, onGrid(nowMs + (result.waits ? TURN_RETRY_MS : 1), this.#phaseMs));
    if (knowledge.latest === undefined || knowledge.failure !== undefined) {
      return this.#schedule.planBy(queue.id, onGrid(nowMs + 1, phaseMs));
    }
    const { sample } = knowledge.latest;
    const untilBurstMs = untilBurstSampleMs(knowledge.history, nowMs);
    const cadence = {
      sample,
      poolsAtZero: areAtZero(queue, host),
      podStartMs: knowledge.history.horizonMs,
      untilBurstMs,
      stretch: this.#budget.stretch,
    };
    const nextMs = nowMs + untilNextSampleMs(cadence);
    if (!isAtRest(cadence)) {
      if (followed.atRest) this.reader.unwatch(queue);
      followed.atRest = false;
      followed.armed = false;
      // The nearest time on the grid: a sample that is a few ms late must not skip the next one.
      return this.#schedule.planBy(queue.id, onGrid(nextMs - TICK_MS / 2, phaseMs));
    }
    if (followed.armed && this.reader.wakeUpsLive === true) {
      return this.#schedule.planBy(queue.id, Math.min(nextMs, onGrid(nowMs + 1, phaseMs, SAFETY_POLL_MS)));
    }
    // Until its wake-up is armed the queue is polled, and with each sample it is tried to arm it.
    const pollMs = untilNextSampleMs({ ...cadence, hasWakeUps: false });
    this.#schedule.planBy(queue.id, Math.min(nextMs, onGrid(nowMs + pollMs - TICK_MS / 2, phaseMs)));
    void this.#rest(followed);
  }

  /** Leaves the queue to wake-ups; one more sample sees a job that came before they were armed. */
  async #rest(followed: SampledQueue): Promise<void> {
    followed.atRest = true;
    const armed = await this.reader.watch(followed.queue, () => this.#wake(followed));
    if (!followed.atRest || !this.#isFollowed(followed)) return;
    followed.armed = armed;
    if (armed) this.#sampleAt(followed, this.#options.now());
  }

  /** The queues that were left to wake-ups are sampled at once: Redis may be gone, and the pools have to say so. */
  #wakeUpsLost(): void {
    this.#wakeUpFailure = 'the connection for notifications was lost';
    this.#showWakeUps(false);
    const nowMs = this.#options.now();
    for (const [id, followed] of this.#queues) {
      if (!followed.armed) continue;
      followed.armed = false;
      this.#schedule.planBy(id, nowMs);
    }
    this.#options.host.onRescheduled();
  }

  /** Says when a Redis does not notify of new jobs, for want of a right or because it is gone, and when it does again. */
  #showWakeUps(works: boolean): void {
    const { log, metrics } = this.#options;
    metrics.wakeUps(this.#address, works);
    this.#wakeUpsFailedSinceMs = works ? undefined : (this.#wakeUpsFailedSinceMs ?? this.#options.now());
    if (works === this.#wakeUpsWork) return;
    const redis = this.#targetKey;
    if (works && this.#wakeUpsWork !== undefined) log.info({ redis }, 'Redis notifies of new jobs again');
    if (!works)
      log.warn(
        { redis, failure: this.#wakeUpFailure },
        'Redis does not notify of new jobs, so that pools at zero wake up to a second late: queues at rest are polled',
      );
    this.#wakeUpsWork = works;
  }

  #wake(followed: SampledQueue): void {
    if (!this.#isFollowed(followed)) return;
    const nowMs = this.#options.now();
    // While samples are planned, further notifications add none: at most four samples per second and queue.
    if (followed.wakeUp !== undefined) return followed.wakeUp.notified(nowMs);
    followed.wakeUp = new WakeUp(nowMs);
    this.#sampleAt(followed, followed.wakeUp.settledMs(nowMs) ?? nowMs);
  }

  #sampleAt({ queue }: SampledQueue, atMs: number): void {
    this.#schedule.planBy(queue.id, atMs);
    this.#options.host.onRescheduled();
  }

  async #readFinished(batch: readonly SampledQueue[]): Promise<void> {
    const reading = batch.filter(({ readingFinished, knowledge }) => !readingFinished && !knowledge.finished);
    if (reading.length === 0) return;
    for (const followed of reading) followed.readingFinished = true;
    this.#budget.read(reading.length);
    const finished = await this.reader.finished(reading.map(({ queue }) => queue));
    reading.forEach((followed, index) => {
      followed.readingFinished = false;
      const sample = finished?.[index];
      if (sample !== undefined) followed.knowledge = { ...followed.knowledge, finished: sample };
    });
  }
}

/** The sample of a queue, or why there is none. */
function sampleOrFailure(result: SampleResult, index: number): BacklogSample | string {
  if (!result.ok) return result.message;
  const sample = result.samples[index]!;
  return sample instanceof Error ? classifyRedisError(sample).message : sample;
}

function areAtZero({ pools }: WatchedQueue, host: SamplerHost): boolean {
  return pools.every((key) => host.isAtZero(key));
}
