import type { Milliseconds } from '@redis-queue/api';
import { ConnectionShareError, digestPolicies } from '@redis-queue/bullmq';
import { delay, keyOf, systemClock, unlessAborted, type Manager, type ObjectKey } from '@redis-queue/controller';
import { callRedis, queueRef, resolveRedis, type QueueObject } from '@redis-queue/redis-access';
import type { QueueMetrics } from '../metrics.ts';
import { redisProblem, type Sources } from '../observe.ts';
import { samplingGroups, type SamplingGroup } from '../turns/sampling-groups.ts';
import { SamplingTurns, type Turn } from '../turns/sampling-turns.ts';
import type { WatchedSources } from '../sources.ts';
import { dueGroups } from './due-groups.ts';
import type { SettledQueues } from './settled-queues.ts';

/** 5,000 queues of one Redis cost it about 12 ms per round: 0.4 % of a core. */
export const DRIFT_INTERVAL_MS: Milliseconds = 3_000;
/** Of one Redis per round, at most 1 % of a core; the next round goes on from there. */
const MOST_QUEUES_PER_TURN = 12_000;
/** Per call, which the circuit breaker gives seconds to be answered, over a slow link too. */
const QUEUES_PER_CALL = 200;
/** After this a turn begins no further call. */
const TURN_MS: Milliseconds = 2_000;

export interface DriftRoundsDeps {
  readonly sources: Pick<Sources, 'connections' | 'breakers' | 'secrets'>;
  readonly metrics: Pick<QueueMetrics, 'driftCheckTook' | 'driftCheckFailed'>;
  readonly settled: SettledQueues;
  readonly listQueues: () => QueueObject[];
  /** Called with a queue whose policy is not what its last reconcile left, or cannot be read any more. */
  readonly onDrift: (key: ObjectKey) => void;
  /** Called with what ended a round before its end. */
  onRoundFailed(error: unknown): void;
}

export interface DriftSettings {
  readonly sources: WatchedSources;
  readonly metrics: QueueMetrics;
  readonly settled: SettledQueues;
  readonly onDrift: (key: ObjectKey) => void;
  /** Default 3 s. */
  readonly intervalMs?: Milliseconds | undefined;
}

/** Has the leading manager look for drift, once objects and Secrets are known. */
export function runDriftRounds(manager: Manager, { intervalMs, ...parts }: DriftSettings): void {
  const { queues, secrets } = parts.sources;
  const rounds = new DriftRounds({
    ...parts,
    listQueues: () => queues.list(),
    onRoundFailed: (error) => manager.log.error({ err: error }, 'a round of comparing queues with Redis ended early'),
  });
  manager.runnable({
    name: 'queue-drift',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await secrets.whenSynced(signal);
      await rounds.run(signal, intervalMs);
    },
  });
}

/**
 * Compares every queue with what its last reconcile left in Redis, a digest each, many queues per call. What differs is
 * reconciled, and what cannot be read as well, so that its conditions say why. Writes nothing.
 */
export class DriftRounds {
  readonly #deps: DriftRoundsDeps;
  readonly #turns = new SamplingTurns(systemClock);
  #round = 0;
  /** The number of the round in which each Redis had its last turn. */
  readonly #lastRoundOf = new Map<string, number>();
  /** By Redis, the queue with which its next turn begins, where one was cut short. */
  readonly #nextOf = new Map<string, string>();

  constructor(deps: DriftRoundsDeps) {
    this.#deps = deps;
  }

  /** Compares until `signal` aborts; then it ends at once, whatever hangs. */
  async run(signal: AbortSignal, intervalMs: Milliseconds = DRIFT_INTERVAL_MS): Promise<void> {
    while (!signal.aborted) {
      const beganMs = performance.now();
      await unlessAborted(signal, () => this.compareAll()).catch((error: unknown) => {
        if (!signal.aborted) this.#deps.onRoundFailed(error);
      });
      // From beginning to beginning, with a rest in any case.
      await delay(systemClock, Math.max(intervalMs / 2, beganMs + intervalMs - performance.now()), signal);
    }
  }

  /** One round over all queues that are settled. */
  async compareAll(): Promise<void> {
    const { listQueues, settled, sources, metrics } = this.#deps;
    const queues = listQueues();
    settled.forgetAllBut(queues);
    const known = queues.filter((queue) => settled.digestOf(queue) !== undefined);
    const groups = samplingGroups(
      known,
      // As a reconcile reaches it, with its credentials and circuit: what this meets, a reconcile meets.
      (queue) => resolveRedis(queue, 'controller', sources.secrets),
      (queue) => this.#found(queue),
    );
    this.#forgetAllBut(new Set(groups.map(({ key }) => key)));
    this.#round++;
    await this.#turns.round<never>(dueGroups(groups, this.#lastRoundOf), {
      sample: (group) => this.#compareGroup(group),
      onMissed: () => metrics.driftCheckFailed('WaitingForTurn'),
    });
  }

  async #compareGroup(group: SamplingGroup): Promise<Turn<never>> {
    const { metrics, sources } = this.#deps;
    this.#lastRoundOf.set(group.key, this.#round);
    const fromMs = performance.now();
    const isOver = (): boolean => performance.now() - fromMs > TURN_MS;
    const queues = this.#inTurn(group);
    try {
      for (let at = 0; at < queues.length; at += QUEUES_PER_CALL) {
        if (at >= MOST_QUEUES_PER_TURN || (at > 0 && isOver())) {
          this.#nextOf.set(group.key, queues[at]!.metadata.uid ?? '');
          if (isOver()) metrics.driftCheckFailed('RoundTooLong');
          return { read: [], answered: true };
        }
        await this.#compare(group, queues.slice(at, at + QUEUES_PER_CALL));
      }
      this.#nextOf.delete(group.key);
      metrics.driftCheckTook((performance.now() - fromMs) / 1_000);
      return { read: [], answered: true };
    } catch (error) {
      metrics.driftCheckFailed(redisProblem(error, group.target, sources.connections).reason);
      // Their conditions have to say why; who only lacks a connection for now is as well off as before.
      if (!(error instanceof ConnectionShareError))
        for (const queue of queues) if (this.#isSettled(queue)) this.#found(queue);
      return { read: [], answered: false };
    }
  }

  async #compare({ target, key, namespace }: SamplingGroup, queues: readonly QueueObject[]): Promise<void> {
    const { settled, sources } = this.#deps;
    const left = queues.map((queue) => settled.digestOf(queue));
    const digests = await callRedis(sources, { target, targetKey: key, namespace }, (redis) =>
      digestPolicies(redis, queues.map(queueRef)),
    );
    queues.forEach((queue, index) => {
      // One that was reconciled meanwhile is compared in the next round.
      const isSettled = left[index] !== undefined && settled.digestOf(queue) === left[index];
      if (isSettled && digests[index] !== left[index]) this.#found(queue);
    });
  }

  /** The queues of a Redis, from where its last turn ended. */
  #inTurn({ key, queues }: SamplingGroup): readonly QueueObject[] {
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
    for (const memory of [this.#lastRoundOf, this.#nextOf])
      for (const key of memory.keys()) if (!keys.has(key)) memory.delete(key);
  }
}
