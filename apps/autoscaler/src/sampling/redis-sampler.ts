import type { RedisConnections, RedisTarget, ServerPressure } from '@redis-queue/bullmq';
import { untilBurstLookMs } from '@redis-queue/scaling';
import { isAtRest, nextLookMs, onGrid, phaseOf, SAFETY_POLL_MS, TICK_MS } from './cadence.ts';
import type { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { RedisEye } from './redis-reader.ts';
import {
  knowNothing,
  learnFailure,
  learnSample,
  mayHaveFinished,
  wishOf,
  type QueueKnowledge,
} from './queue-knowledge.ts';
import type { WatchedQueue } from '../watching/topology.ts';
import { Saturation } from './saturation.ts';
import { SamplingBudget } from './sampling-budget.ts';
import { SampleSchedule } from './schedule.ts';
import { Wake } from './wake-up.ts';

export interface LookerOptions {
  readonly connections: RedisConnections;
  readonly metrics: AutoscalerMetrics;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** How long a pod takes from decision to first job: delayed jobs due within it are load already. */
  readonly podStartMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Whether the pool has no pods and shall have none. */
  readonly isAtZero: (poolKey: string) => boolean;
  /** A look is due before the one that was due next. */
  readonly onSooner: () => void;
  /** These queues were just looked at, or could not be. */
  readonly onLooked: (queues: readonly WatchedQueue[]) => void;
}

/**
 * A look that takes longer has met a Redis that stands still. What was seen before must not be decided on again and again
 * meanwhile: the scale-in window would fill with one old look.
 */
const HANGING_AFTER_MS = 1_500;

/** One queue, from when the first pool names it until none does any more. */
interface Followed {
  queue: WatchedQueue;
  /** Its place on the grid; see `phaseOf`. */
  phaseMs: number;
  knowledge: QueueKnowledge;
  /** Since when a look is on the way: one at a time. */
  lookingSinceMs?: number | undefined;
  /** Something asked for a look while one was on the way, which may have read before that. */
  lookAgain: boolean;
  readingFinished: boolean;
  /** Left to wake-ups. */
  atRest: boolean;
  wake?: Wake | undefined;
}

/** Looks at the queues of one Redis when they are due or woken, and knows what was seen of them. */
export class RedisLooker {
  readonly #options: LookerOptions;
  readonly #targetKey: string;
  readonly #eye: RedisEye;
  readonly #schedule = new SampleSchedule();
  readonly #queues = new Map<string, Followed>();
  readonly #saturation = new Saturation();
  readonly #budget = new SamplingBudget();
  #blind = false;

  /** For people: where this Redis is. */
  readonly #address: string;

  constructor(targetKey: string, target: RedisTarget, options: LookerOptions) {
    this.#address = `${target.host}:${target.port}`;
    this.#targetKey = targetKey;
    this.#options = options;
    this.#eye = new RedisEye(target, options.connections);
  }

  /** The eye, for reads that decisions ask for. */
  get eye(): RedisEye {
    return this.#eye;
  }

  /** What is known of the queue; undefined when it is not followed. While Redis keeps a look waiting, that it does. */
  knowledge(id: string): QueueKnowledge | undefined {
    const followed = this.#queues.get(id);
    if (followed?.lookingSinceMs === undefined) return followed?.knowledge;
    const hangs = this.#options.now() - followed.lookingSinceMs > HANGING_AFTER_MS;
    return hangs ? learnFailure(followed.knowledge, 'Redis does not answer') : followed.knowledge;
  }

  /** Whether this Redis is at its limit. */
  get saturated(): boolean {
    return this.#saturation.saturated;
  }

  /** When the next look is due; undefined when none is planned. */
  nextMs(): number | undefined {
    return this.#schedule.nextMs();
  }

  /** Follows the queue from now on, and looks at it at once when it or its pools are new. */
  follow(queue: WatchedQueue): void {
    const nowMs = this.#options.now();
    const followed = this.#queues.get(queue.id);
    if (followed?.queue.pools.join() !== queue.pools.join()) this.#schedule.sooner(queue.id, nowMs);
    if (followed !== undefined) {
      Object.assign(followed, { queue, phaseMs: phaseOf(queue) });
      return;
    }
    const knowledge = knowNothing(nowMs, queue.waitTargetMs, this.#options.podStartMs);
    const idle = { lookAgain: false, readingFinished: false, atRest: false };
    this.#queues.set(queue.id, { queue, phaseMs: phaseOf(queue), knowledge, ...idle });
  }

  /** No pool names the queue any more. */
  forget(queue: WatchedQueue): void {
    this.#eye.forget(queue);
    this.#schedule.delete(queue.id);
    this.#queues.delete(queue.id);
  }

  /** Looks at the queue with the next tick, whatever was planned for it; at once where it may be left to wake-ups from now on. */
  attend(id: string): void {
    const followed = this.#queues.get(id);
    if (followed === undefined) return;
    const { isAtZero, now } = this.#options;
    const { queue, phaseMs } = followed;
    const nowMs = now();
    this.#schedule.sooner(id, queue.pools.every(isAtZero) ? nowMs : onGrid(nowMs, phaseMs));
  }

  /** Looks at all queues that could not be seen, at once. */
  lookAgain(): void {
    const nowMs = this.#options.now();
    for (const [id, { knowledge }] of this.#queues) {
      if (knowledge.failure !== undefined) this.#schedule.sooner(id, nowMs);
    }
  }

  /** A decision that follows from a look at the queue is on the bus. */
  told(id: string): void {
    const { metrics, now } = this.#options;
    const latencyMs = this.#queues.get(id)?.wake?.toldAfterMs(now());
    if (latencyMs !== undefined) metrics.woken(latencyMs);
  }

  /** Begins the looks that are due now, all in one go. */
  lookAtDue(): void {
    const nowMs = this.#options.now();
    const looks: Followed[] = [];
    let dueMs = Infinity;
    for (const { id, atMs } of this.#schedule.takeDue(nowMs)) {
      const followed = this.#queues.get(id);
      if (followed === undefined) continue;
      if (followed.lookingSinceMs !== undefined) {
        followed.lookAgain = true;
        continue;
      }
      const settledMs = followed.wake?.settledMs(nowMs);
      if (settledMs !== undefined) {
        this.#schedule.sooner(id, settledMs);
        continue;
      }
      looks.push(followed);
      dueMs = Math.min(dueMs, atMs);
    }
    if (looks.length > 0) void this.#look(looks, dueMs);
  }

  close(): void {
    this.#options.metrics.forgetRedis(this.#address);
    this.#eye.close();
    this.#queues.clear();
  }

  /** Looks, then has the pools decided; what has finished is read after that, for the next decision. */
  async #look(looks: readonly Followed[], dueMs: number): Promise<void> {
    const { now, metrics, podStartMs, onLooked } = this.#options;
    const queues = looks.map(({ queue }) => queue);
    const startMs = now();
    for (const followed of looks) followed.lookingSinceMs = startMs;
    const wishes = looks.map(({ knowledge, queue }) => wishOf(knowledge, queue.waitTargetMs, startMs));
    const asksPressure = this.#saturation.takeDue(startMs);
    const [looked, pressure] = await Promise.all([
      this.#eye.look(queues, podStartMs, wishes),
      asksPressure ? this.#eye.pressure() : undefined,
    ]);
    const atMs = now();
    metrics.looked(looked.ok ? 'ok' : 'failed', startMs - dueMs, atMs - startMs);
    this.#sees(looked.ok ? undefined : looked.message);
    if (looked.ok) this.#saturation.looked(atMs - startMs, atMs);
    if (pressure !== undefined) this.#told(pressure, atMs);
    const finishing: Followed[] = [];
    looks.forEach((followed, index) => {
      const { knowledge: known } = followed;
      followed.lookingSinceMs = undefined;
      const sample = looked.ok ? looked.samples[index] : undefined;
      if (sample !== undefined && mayHaveFinished(known.latest?.sample, sample)) finishing.push(followed);
      const failure = looked.ok ? 'Redis left the queue out of its answer' : looked.message;
      followed.knowledge = sample ? learnSample(known, sample, atMs, wishes[index]) : learnFailure(known, failure);
    });
    onLooked(queues);
    for (const followed of looks) if (this.#isFollowed(followed)) this.#planNextLook(followed);
    void this.#readFinished(finishing.filter((followed) => this.#isFollowed(followed)));
  }

  #told(pressure: ServerPressure, atMs: number): void {
    this.#saturation.told(pressure, atMs);
    this.#budget.told(pressure, atMs);
    if (this.#budget.share !== undefined) this.#options.metrics.sampled(this.#address, this.#budget.share);
  }

  #isFollowed(followed: Followed): boolean {
    return this.#queues.get(followed.queue.id) === followed;
  }

  #sees(failure: string | undefined): void {
    const { log } = this.#options;
    const redis = this.#targetKey;
    if (failure === undefined && this.#blind) log.info({ redis }, 'Redis can be read again');
    if (failure !== undefined && !this.#blind)
      log.warn({ redis, failure }, 'Redis cannot be read: the pools on its queues keep their size until it can');
    this.#blind = failure !== undefined;
  }

  #planNextLook(followed: Followed): void {
    const { now, podStartMs, isAtZero } = this.#options;
    const { queue, phaseMs, knowledge, wake } = followed;
    const nowMs = now();
    const followUpMs = followed.lookAgain ? nowMs : wake?.takeFollowUp();
    followed.lookAgain = false;
    if (followUpMs !== undefined) this.#schedule.sooner(queue.id, followUpMs);
    else followed.wake = undefined;
    if (knowledge.latest === undefined || knowledge.failure !== undefined) {
      return this.#schedule.sooner(queue.id, onGrid(nowMs + 1, phaseMs));
    }
    const { sample } = knowledge.latest;
    const untilBurstMs = untilBurstLookMs(knowledge.history, nowMs);
    const cadence = {
      sample,
      poolsAtZero: queue.pools.every(isAtZero),
      podStartMs,
      untilBurstMs,
      stretch: this.#budget.stretch,
      wakes: this.#eye.wakes,
    };
    const nextMs = nowMs + nextLookMs(cadence);
    if (!isAtRest(cadence)) {
      if (followed.atRest) this.#eye.unwatch(queue);
      followed.atRest = false;
      // The nearest time of the grid: a look that is a few ms late must not skip the next one.
      return this.#schedule.sooner(queue.id, onGrid(nextMs - TICK_MS / 2, phaseMs));
    }
    this.#schedule.sooner(queue.id, Math.min(nextMs, onGrid(nowMs + 1, phaseMs, SAFETY_POLL_MS)));
    if (!followed.atRest) void this.#rest(followed);
  }

  /** Leaves the queue to wake-ups; a job that came before they were armed is seen by one more look. */
  async #rest(followed: Followed): Promise<void> {
    followed.atRest = true;
    const armed = await this.#eye.watch(followed.queue, () => this.#wake(followed));
    if (armed && followed.atRest && this.#isFollowed(followed)) this.#lookAt(followed, this.#options.now());
  }

  #wake(followed: Followed): void {
    if (!this.#isFollowed(followed)) return;
    const nowMs = this.#options.now();
    // While looks are planned a burst of news asks for no more: at most four looks a second and queue.
    if (followed.wake !== undefined) return followed.wake.moreNews(nowMs);
    followed.wake = new Wake(nowMs);
    this.#lookAt(followed, followed.wake.settledMs(nowMs) ?? nowMs);
  }

  #lookAt({ queue }: Followed, atMs: number): void {
    this.#schedule.sooner(queue.id, atMs);
    this.#options.onSooner();
  }

  async #readFinished(looked: readonly Followed[]): Promise<void> {
    const reading = looked.filter(({ readingFinished, knowledge }) => !readingFinished && !knowledge.finished);
    if (reading.length === 0) return;
    for (const followed of reading) followed.readingFinished = true;
    const finished = await this.#eye.finished(reading.map(({ queue }) => queue));
    reading.forEach((followed, index) => {
      followed.readingFinished = false;
      const sample = finished?.[index];
      if (sample !== undefined) followed.knowledge = { ...followed.knowledge, finished: sample };
    });
  }
}
