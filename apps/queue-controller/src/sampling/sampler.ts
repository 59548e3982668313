import { QUEUES, type QueueReason } from '@redis-queue/api';
import {
  delay,
  describeFailure,
  keyOf,
  keyToString,
  StatusWriter,
  systemClock,
  unlessAborted,
  type Manager,
  type ObjectKey,
  type Problem as KindProblem,
} from '@redis-queue/controller';
import {
  callRedis,
  CircuitBreakers,
  resolveRedis,
  resolveRedisOfRoles,
  type CircuitObserver,
  type QueueObject,
} from '@redis-queue/redis-access';
import { redisProblem } from '../access/redis-problem.ts';
import type { Sources, WatchedSources } from '../access/sources.ts';
import { samplingGroups, type SamplingGroup } from '../turns/sampling-groups.ts';
import { SamplingTurns, type Turn } from '../turns/sampling-turns.ts';
import { sampledStatus } from './counts.ts';
import { QueueReader, type SampledQueue } from './queue-reader.ts';
import { SampledWrites } from './sampled-writes.ts';
import type { SamplingFailures } from './sampling-failures.ts';

type Problem = KindProblem<QueueReason>;

/** The field manager of what the sampler writes into status. */
const SAMPLER_MANAGER = 'redis-queue-sampler';
/** 10,000 queues cost ~0.4 s of Redis' time per round: below 2 % of a core. */
export const SAMPLE_INTERVAL_MS = 30_000;
const IDLE_CONNECTION_MS = 5 * 60_000;
/** Of one Redis in one round, whatever hangs there; the circuit breaker gives half of it to one that it does not know. */
const TARGET_TIMEOUT_MS = 10_000;
/** After this a round of a Redis that answers begins no further step. The next round goes on from there. */
const ROUND_MS = 4_000;

/** Where the sampler takes down how it fares. */
export interface SamplerMetrics {
  circuits(caller: 'sample', countOpen: () => number): CircuitObserver;
  sampleTook(seconds: number): void;
  /** @param reason why a queue, or a whole Redis, could not be sampled */
  sampleFailed(reason: string): void;
  /** Shows exactly these samples. */
  show(samples: readonly SampledQueue[]): void;
}

export interface SamplerDeps {
  readonly sources: Sources;
  readonly metrics: SamplerMetrics;
  readonly listQueues: () => QueueObject[];
  readonly writes: SampledWrites;
  readonly sampling: SamplingFailures;
  /** Called with a queue whose samples begin to fail, fail otherwise, or work again. */
  readonly onSamplingChange: (key: ObjectKey) => void;
  /** Called with each queue that was sampled. */
  readonly onSampled?: (sampled: SampledQueue) => void;
  /** Called with what ended a round before its end. */
  onRoundFailed(error: unknown): void;
}

export interface SamplerSettings {
  readonly sources: WatchedSources;
  readonly metrics: SamplerMetrics;
  readonly sampling: SamplingFailures;
  readonly onSamplingChange: (key: ObjectKey) => void;
  readonly onSampled?: (sampled: SampledQueue) => void;
  /** Default 30 s. */
  readonly intervalMs?: number | undefined;
}

/** Has the leading manager sample all queues, once their objects and Secrets are known. */
export function runSampler(manager: Manager, { intervalMs, ...parts }: SamplerSettings): void {
  const { client, log } = manager;
  const { queues, secrets } = parts.sources;
  const status = new StatusWriter<QueueObject>({
    client,
    type: QUEUES,
    fieldManager: SAMPLER_MANAGER,
    latestWins: true,
  });
  const { sampling, onSamplingChange } = parts;
  const noteWrite = (queue: QueueObject, error?: unknown): void => {
    if (!sampling.noteWrite(queue, error === undefined ? undefined : describeFailure(error))) return;
    if (error !== undefined)
      log.warn({ queue: keyToString(keyOf(queue)), err: error }, 'the sampled status could not be written');
    onSamplingChange(keyOf(queue));
  };
  const writes = new SampledWrites({
    clock: systemClock,
    write: async (queue, sampled, signal) => {
      if (await status.write(queue, sampled, signal)) noteWrite(queue);
      else status.forget(queue.metadata.uid ?? '');
    },
    onError: noteWrite,
    onHeld: noteWrite,
  });
  queues.onChange((change, { metadata: { uid = '' } }) => {
    if (change !== 'delete') return;
    writes.forget(uid);
    status.forget(uid);
  });
  const sampler = new QueueSampler({
    ...parts,
    listQueues: () => queues.list(),
    writes,
    onRoundFailed: (error) => log.error({ err: error }, 'a round of samples ended early'),
  });
  manager.runnable({
    name: 'queue-sampler',
    run: async (signal) => {
      await queues.whenSynced(signal);
      await secrets.whenSynced(signal);
      await sampler.run(signal, intervalMs);
    },
  });
}

/** Samples all queues every 30 s, for metrics and the counts in the status. Writes nothing to Redis. */
export class QueueSampler {
  readonly #deps: SamplerDeps;
  readonly #reader = new QueueReader();
  readonly #turns = new SamplingTurns(systemClock);
  readonly #breakers: CircuitBreakers;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    // Of its own: the sampler's credentials may be others, and a round over all queues of a Redis takes longer than a call.
    this.#breakers = new CircuitBreakers({
      timeoutMs: TARGET_TIMEOUT_MS,
      now: () => performance.now(),
      observer: deps.metrics.circuits('sample', () => this.#breakers.openTargets().length),
    });
  }

  /** Samples, and writes what was sampled, until `signal` aborts; then it ends at once, whatever hangs. */
  async run(signal: AbortSignal, intervalMs: number = SAMPLE_INTERVAL_MS): Promise<void> {
    await Promise.all([this.#deps.writes.run(signal), this.#sampleRounds(signal, intervalMs)]);
  }

  async #sampleRounds(signal: AbortSignal, intervalMs: number): Promise<void> {
    while (!signal.aborted) {
      // Whatever a round meets, the next is another try: the process serves every tenant.
      const beganMs = performance.now();
      await unlessAborted(signal, () => this.sampleAll()).catch((error: unknown) => {
        if (!signal.aborted) this.#deps.onRoundFailed(error);
      });
      this.#deps.sources.connections.closeIdle(IDLE_CONNECTION_MS);
      // From beginning to beginning, so that a Redis that hangs makes nobody's samples rarer; with a rest in any case.
      const leftMs = Math.max(intervalMs / 2, beganMs + intervalMs - performance.now());
      await delay(systemClock, leftMs, signal);
    }
  }

  /** One round over all queues; a Redis that does not answer costs only its own queues their numbers. */
  async sampleAll(): Promise<void> {
    const { listQueues, sources, metrics } = this.#deps;
    const queues = listQueues();
    const groups = samplingGroups(
      queues,
      (queue) => resolveRedisOfRoles(queue, ['sampler', 'controller'], sources.secrets),
      (queue, problem) => this.#note(queue, '', problem),
    );
    const sampled = await this.#turns.round(groups, {
      sample: (group, waits) => this.#sampleTarget(group, waits),
      onMissed: (group, waits) => {
        metrics.sampleFailed('WaitingForTurn');
        if (waits) for (const queue of group.queues) this.#note(queue, group.key, waits);
      },
    });
    const targetKeys = new Set(groups.map(({ key }) => key));
    this.#forgetTargets(targetKeys);
    metrics.show(sampled);
    // By what is listed, not by what was read: a round that was cut short costs nobody its watermark.
    this.#reader.forgetAllBut(queues, targetKeys);
  }

  #forgetTargets(sampled: ReadonlySet<string>): void {
    const { sources, listQueues, sampling } = this.#deps;
    const queues = listQueues();
    sampling.forgetAllBut(queues);
    this.#breakers.forgetIdle(sampled);
    const reconciled = queues.map((queue) => resolveRedis(queue, 'controller', sources.secrets));
    sources.breakers.forgetIdle(new Set(reconciled.flatMap((access) => (access.ok ? [access.targetKey] : []))));
  }

  /**
   * @param waits what queues still have to say although they had their turn.
   * @returns what was read until the deadline, or until Redis failed.
   */
  async #sampleTarget(
    { key, target, namespace, queues }: SamplingGroup,
    waits: Problem | undefined,
  ): Promise<Turn<SampledQueue>> {
    const { metrics, sources, writes } = this.#deps;
    const from = performance.now();
    const sampled: SampledQueue[] = [];
    const problems = new Map<QueueObject, Problem>();
    const onSampled = (read: readonly SampledQueue[]): void => void sampled.push(...read);
    const onFailed = (queue: QueueObject, error: Error): void => {
      problems.set(queue, redisProblem(error, target, sources.connections));
      metrics.sampleFailed(problems.get(queue)!.reason);
    };
    try {
      const mayGoOn = (): boolean => performance.now() - from < ROUND_MS;
      const round = { targetKey: key, queues, mayGoOn, onSampled, onFailed };
      const clients = { connections: sources.connections, breakers: this.#breakers };
      const call = { target, targetKey: key, namespace };
      const complete = await callRedis(clients, call, (redis, signal) =>
        this.#reader.read(redis, { ...round, signal }),
      );
      if (!complete) metrics.sampleFailed('RoundTooLong');
      metrics.sampleTook((performance.now() - from) / 1000);
    } catch (error) {
      const problem = redisProblem(error, target, sources.connections);
      metrics.sampleFailed(problem.reason);
      // Of a Redis that was too slow for some, the next round begins with these.
      if (sampled.length === 0) for (const queue of queues) problems.set(queue, problem);
    }
    // Not at the end of the round, which a Redis that hangs puts off.
    for (const each of sampled) this.#deps.onSampled?.(each);
    for (const { queue, sample, waitP95Ms, dead } of sampled)
      writes.offer(queue, sampledStatus(sample, waitP95Ms, dead));
    for (const { queue } of sampled) if (!problems.has(queue)) this.#note(queue, key, waits);
    for (const [queue, problem] of problems) this.#note(queue, key, problem);
    return { read: sampled, answered: sampled.length > 0 };
  }

  #note(queue: QueueObject, way: string, problem?: Problem): void {
    if (this.#deps.sampling.note(queue, way, problem)) this.#deps.onSamplingChange(keyOf(queue));
  }
}
