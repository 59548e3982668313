import type { Milliseconds } from '@redis-queue/api';
import type { PolicyDigest } from '@redis-queue/bullmq';
import { delay, keyOf, systemClock, type ObjectKey } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { dueGroups, type DriftGroup } from './due-groups.ts';
import type { SettledQueues } from './settled-queues.ts';

/** 5,000 queues of one Redis cost it about 25 ms per round: 0.9 % of a core. */
const DRIFT_INTERVAL_MS: Milliseconds = 3_000;
/**
 * Of a core of one Redis. One whose turn took more of an interval, as seen from here, rests for a round, so that comparing
 * costs a slow machine no more than a fast one; what was changed is repaired within 10 s all the same.
 */
const SHARE = 0.01;
/** Of one Redis per round, at most 2 % of a core; the next round goes on from there. */
const MOST_QUEUES_PER_TURN = 12_000;
/** Per call, which the circuit breaker gives seconds to be answered, over a slow link too. */
const QUEUES_PER_CALL = 200;
/** After this a turn begins no further call. */
const TURN_MS: Milliseconds = 2_000;
/** A turn over one call takes milliseconds, over a slow link hundreds: after this it keeps places from others. */
const SLOW_MS: Milliseconds = 1_000;

export interface DriftMetrics {
  driftCheckTook(seconds: number): void;
  driftCheckFailed(reason: string): void;
}

export interface DriftTurns<G extends DriftGroup> {
  /** Resolves with whether the Redis answered soon: one that did not has its next turn after the others. */
  readonly compare: (group: G) => Promise<boolean>;
  /** Called with each group that had no turn. */
  readonly onMissed: (group: G) => void;
}

export interface DriftRoundsDeps<G extends DriftGroup> {
  readonly settled: SettledQueues;
  readonly metrics: DriftMetrics;
  readonly listQueues: () => QueueObject[];
  /** The queues by Redis; `onProblem` is called with each to whose Redis there is no way. */
  readonly groupsOf: (queues: readonly QueueObject[], onProblem: (queue: QueueObject) => void) => readonly G[];
  /** Has each group compared when it is its turn. @param others have none in this round */
  readonly inTurns: (groups: readonly G[], turns: DriftTurns<G>, others: readonly G[]) => Promise<void>;
  /** What is set for the queues now. */
  readonly digest: (group: G, queues: readonly QueueObject[]) => Promise<readonly PolicyDigest[]>;
  /** Why it could not be read, for metrics. */
  readonly reasonOf: (error: unknown, group: G) => string;
  /** Called with a queue whose policy is not what its last reconcile left, or cannot be read any more. */
  readonly onDrift: (key: ObjectKey) => void;
  /** Called with what ended a round before its end. */
  readonly onRoundFailed: (error: unknown) => void;
}

/**
 * Compares every queue with what its last reconcile left in Redis, a digest each, many queues per call. What differs is
 * reconciled, and what Redis refuses to read as well, so that its conditions say why. Writes nothing. A round does not
 * wait for the one before it: a Redis whose turn lasts has its next one when that has ended.
 */
export class DriftRounds<G extends DriftGroup> {
  readonly #deps: DriftRoundsDeps<G>;
  #round = 0;
  /** The number of the round in which each Redis had its last turn. */
  readonly #lastRoundOf = new Map<string, number>();
  /** By Redis, the queue with which its next turn begins, where one was cut short. */
  readonly #nextOf = new Map<string, string>();
  /** The Redis targets that rest in the next round. */
  readonly #resting = new Set<string>();
  /** The Redis targets that wait for their turn, or have it. */
  readonly #underWay = new Set<string>();

  constructor(deps: DriftRoundsDeps<G>) {
    this.#deps = deps;
  }

  /** Compares until `signal` aborts; then it ends at once, whatever hangs. */
  async run(signal: AbortSignal, intervalMs: Milliseconds = DRIFT_INTERVAL_MS): Promise<void> {
    while (!signal.aborted) {
      const beganMs = performance.now();
      this.compareAll(intervalMs).catch((error: unknown) => {
        if (!signal.aborted) this.#deps.onRoundFailed(error);
      });
      // From beginning to beginning, with a rest in any case.
      await delay(systemClock, Math.max(intervalMs / 2, beganMs + intervalMs - performance.now()), signal);
    }
  }

  /**
   * One round over all queues that are settled, but for those of a Redis that rests.
   *
   * @param intervalMs until the next one.
   */
  async compareAll(intervalMs: Milliseconds = DRIFT_INTERVAL_MS): Promise<void> {
    const { listQueues, settled, groupsOf, inTurns } = this.#deps;
    const known = listQueues().filter((queue) => settled.digestOf(queue) !== undefined);
    const groups = groupsOf(known, (queue) => this.#found(queue));
    this.#forgetAllBut(new Set(groups.map(({ key }) => key)));
    this.#round++;
    const free = groups.filter(({ key }) => !this.#underWay.has(key) && !this.#resting.delete(key));
    const due = new Set(dueGroups(free, this.#lastRoundOf));
    for (const { key } of due) this.#underWay.add(key);
    const end = ({ key }: G): void => void this.#underWay.delete(key);
    const compare = (group: G): Promise<boolean> => this.#compareGroup(group, intervalMs).finally(() => end(group));
    const others = groups.filter((group) => !due.has(group));
    await inTurns([...due], { compare, onMissed: end }, others);
  }

  async #compareGroup(group: G, intervalMs: Milliseconds): Promise<boolean> {
    const { metrics, reasonOf } = this.#deps;
    this.#lastRoundOf.set(group.key, this.#round);
    const fromMs = performance.now();
    const isOver = (): boolean => performance.now() - fromMs > TURN_MS;
    const queues = this.#inOrder(group);
    let calls = 0;
    const isSoon = (): boolean => performance.now() - fromMs < SLOW_MS * calls;
    try {
      for (let at = 0; at < queues.length; at += QUEUES_PER_CALL) {
        if (at >= MOST_QUEUES_PER_TURN || (at > 0 && isOver())) {
          this.#nextOf.set(group.key, queues[at]!.metadata.uid ?? '');
          if (isOver()) metrics.driftCheckFailed('RoundTooLong');
          return isSoon();
        }
        calls++;
        await this.#compare(group, queues.slice(at, at + QUEUES_PER_CALL));
      }
      this.#nextOf.delete(group.key);
      const tookMs = performance.now() - fromMs;
      // One that took longer has missed a round already.
      if (tookMs > SHARE * intervalMs && tookMs < intervalMs) this.#resting.add(group.key);
      metrics.driftCheckTook(tookMs / 1_000);
      return isSoon();
    } catch (error) {
      metrics.driftCheckFailed(reasonOf(error, group));
      // What it answers, their conditions have to say. That it does not answer at all, they learn with the connection.
      const isAnswer = error instanceof Error && error.name === 'ReplyError';
      if (isAnswer) for (const queue of queues) if (this.#isSettled(queue)) this.#found(queue);
      return false;
    }
  }

  async #compare(group: G, queues: readonly QueueObject[]): Promise<void> {
    const { settled, digest } = this.#deps;
    const left = queues.map((queue) => settled.digestOf(queue));
    const digests = await digest(group, queues);
    queues.forEach((queue, index) => {
      // One that was reconciled meanwhile is compared in the next round.
      const isSettled = left[index] !== undefined && settled.digestOf(queue) === left[index];
      if (isSettled && digests[index] !== left[index]) this.#found(queue);
    });
  }

  /** The queues of a Redis, from where its last turn ended. */
  #inOrder({ key, queues }: G): readonly QueueObject[] {
    const next = this.#nextOf.get(key);
    const first = next === undefined ? 0 : queues.findIndex(({ metadata }) => metadata.uid === next);
    return first > 0 ? [...queues.slice(first), ...queues.slice(0, first)] : queues;
  }

  #isSettled(queue: QueueObject): boolean {
    return this.#deps.settled.digestOf(queue) !== undefined;
  }

  #found(queue: QueueObject): void {
    this.#deps.onDrift(keyOf(queue));
  }

  #forgetAllBut(keys: ReadonlySet<string>): void {
    for (const memory of [this.#lastRoundOf, this.#nextOf, this.#resting])
      for (const key of memory.keys()) if (!keys.has(key)) memory.delete(key);
  }
}
