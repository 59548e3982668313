import type { Milliseconds } from '@redis-queue/api';
import { digestPolicies } from '@redis-queue/bullmq';
import { systemClock, type Manager, type ObjectKey } from '@redis-queue/controller';
import { callRedis, queueRef, resolveRedis } from '@redis-queue/redis-access';
import { DriftRounds } from './drift/drift-rounds.ts';
import type { SettledQueues } from './drift/settled-queues.ts';
import type { QueueMetrics } from './metrics.ts';
import { redisProblem } from './access/redis-problem.ts';
import { samplingGroups, type SamplingGroup } from './turns/sampling-groups.ts';
import { SamplingTurns } from './turns/sampling-turns.ts';
import type { WatchedSources } from './access/sources.ts';

export interface DriftSettings {
  readonly sources: WatchedSources;
  readonly metrics: QueueMetrics;
  /** Shared with the reconciles. */
  readonly settled: SettledQueues;
  readonly onDrift: (key: ObjectKey) => void;
  /** Default 3 s. */
  readonly intervalMs?: Milliseconds | undefined;
}

/**
 * Has the leading manager compare all queues with what was last set in Redis, once objects and Secrets are known. It
 * reaches Redis as reconciles do, with their credentials and circuits: what it meets, a reconcile would meet.
 */
export function runDriftRounds(manager: Manager, { intervalMs, ...parts }: DriftSettings): void {
  const { sources, metrics } = parts;
  const { queues, secrets, connections } = sources;
  const turns = new SamplingTurns(systemClock);
  const rounds = new DriftRounds<SamplingGroup>({
    ...parts,
    listQueues: () => queues.list(),
    groupsOf: (settled, onProblem) =>
      samplingGroups(settled, (queue) => resolveRedis(queue, 'controller', secrets), onProblem),
    inTurns: async (groups, { compare, onMissed }, others) => {
      await turns.round<never>(groups, {
        sample: async (group) => ({ read: [], answered: await compare(group) }),
        onMissed: (group) => {
          onMissed(group);
          metrics.driftCheckFailed('WaitingForTurn');
        },
        others,
      });
    },
    digest: async ({ target, key, namespace }, compared) =>
      await callRedis(sources, { target, targetKey: key, namespace }, (redis) =>
        digestPolicies(redis, compared.map(queueRef)),
      ),
    reasonOf: (error, { target }) => redisProblem(error, target, connections).reason,
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
