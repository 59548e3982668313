import { QUEUE_REDRIVES } from '@redis-queue/api';
import {
  findCondition,
  keyOf,
  manageKind,
  StatusPace,
  systemClock,
  type Change,
  type Manager,
  type ManageOptions,
  type ObjectCache,
  type ObjectKey,
  type Watch,
} from '@redis-queue/controller';
import type { QueueObject, SecretObject } from '@redis-queue/redis-access';
import { redriveKind } from './kind.ts';
import { leavesLine, RedriveLine } from './line.ts';
import { RedriveMetrics } from './metrics.ts';
import { Positions } from './positions.ts';
import { queueKeyOf, type RedriveObject } from './redrives.ts';
import type { RedriveSources } from './sources.ts';

/** Redrives that run at once; each works for a part of the time, and rests. */
const CONCURRENCY = 16;

export interface RedriveSettings extends Pick<ManageOptions<RedriveObject>, 'now'> {
  readonly sources: RedriveSources & {
    readonly queues: ObjectCache<QueueObject>;
    /** When the Secret of a Queue changes, what `keysOf` says is reconciled; and nothing is before Secrets are known. */
    readonly secretWatches: (keysOf: (queue: QueueObject) => ObjectKey[]) => Watch<SecretObject>[];
  };
  /** Orders objects, the oldest first. */
  readonly byAge: (a: RedriveObject, b: RedriveObject) => number;
}

/** Has the manager run the QueueRedrives. */
export function manageRedrives(manager: Manager, { sources, byAge, now }: RedriveSettings): void {
  const redrives = manager.cache<RedriveObject>(QUEUE_REDRIVES);
  const line = new RedriveLine(redrives, byAge);
  const { queues } = sources;
  const kind = redriveKind({
    sources,
    line,
    positions: new Positions(),
    metrics: new RedriveMetrics(manager.registry),
    pace: new StatusPace({ clock: systemClock, onTurn: (key) => controller.enqueue(key) }),
    elapsedMs: () => performance.now(),
  });
  const controller = manageKind(manager, kind, {
    concurrency: CONCURRENCY,
    cache: redrives,
    watches: [
      { cache: redrives, map: (redrive: RedriveObject) => line.next(redrive), predicate: leavesLine },
      { cache: queues, map: (queue: QueueObject) => line.ofQueue(keyOf(queue)), predicate: changesReadiness },
      ...sources.secretWatches((queue) => line.ofQueue(keyOf(queue))),
    ],
    serverOf: (redrive) => {
      const queue = queues.get(queueKeyOf(redrive));
      return queue && sources.serverOf(queue);
    },
    ...(now && { now }),
  });
}

/** Whether a Queue comes, goes, changes its spec, or can be worked with again. */
function changesReadiness({ event, object, previous }: Change<QueueObject>): boolean {
  if (event !== 'update') return true;
  return readinessOf(object) !== readinessOf(previous);
}

function readinessOf(queue: QueueObject | undefined): string {
  const { generation, deletionTimestamp } = queue?.metadata ?? {};
  return `${generation} ${deletionTimestamp} ${findCondition(queue?.status?.conditions, 'Ready')?.reason}`;
}
