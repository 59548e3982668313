import { QUEUE_REDRIVES } from '@redis-queue/api';
import {
  findCondition,
  keyOf,
  manageKind,
  type Change,
  type Manager,
  type ManageOptions,
} from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { serverOfQueue, type WatchedSources } from '../sources.ts';
import { redriveKind } from './kind.ts';
import { leavesLine, RedriveLine } from './line.ts';
import { RedriveMetrics } from './metrics.ts';
import { Positions } from './positions.ts';
import { queueKeyOf, type RedriveObject } from './redrives.ts';

/** Redrives that run at once; each works for a part of the time, and rests. */
const CONCURRENCY = 16;

/** Has the manager run the QueueRedrives. */
export function manageRedrives(
  manager: Manager,
  watched: WatchedSources,
  { now }: Pick<ManageOptions<RedriveObject>, 'now'>,
): void {
  const redrives = manager.cache<RedriveObject>(QUEUE_REDRIVES);
  const line = new RedriveLine(redrives);
  const { queues } = watched;
  const kind = redriveKind({
    sources: { ...watched, line },
    positions: new Positions(),
    metrics: new RedriveMetrics(manager.registry),
    elapsedMs: () => performance.now(),
  });
  manageKind(manager, kind, {
    concurrency: CONCURRENCY,
    cache: redrives,
    watches: [
      { cache: redrives, map: (redrive: RedriveObject) => line.next(redrive), predicate: leavesLine },
      { cache: queues, map: (queue: QueueObject) => line.ofQueue(keyOf(queue)), predicate: changesReadiness },
    ],
    serverOf: (redrive) => {
      const queue = queues.get(queueKeyOf(redrive));
      return queue && serverOfQueue(queue, watched);
    },
    ...(now && { now }),
  });
}

/** Whether a Queue comes, goes, changes its spec, or can be worked with again. */
function changesReadiness({ event, object, previous }: Change<QueueObject>): boolean {
  if (event !== 'update') return true;
  const saysOf = (queue: QueueObject | undefined): string =>
    `${queue?.metadata.generation} ${queue?.metadata.deletionTimestamp} ${findCondition(queue?.status?.conditions, 'Ready')?.reason}`;
  return saysOf(object) !== saysOf(previous);
}
