import type { ObjectKey } from '@redis-queue/controller';
import type { PoolMetrics } from './metrics.ts';
import { poolKeyOf, type Sources } from './observe.ts';
import type { PodStarts } from './pods/start-time.ts';
import { startedIn } from './pods/pods.ts';

/** Who learns of pods that have started. */
export interface StartListener {
  readonly starts: PodStarts;
  readonly metrics: PoolMetrics;
  readonly reconcile: (key: ObjectKey) => void;
}

/** Measures how long pods take to start, as their statuses show it. A pool whose start time moved is reconciled. */
export function followStarts({ pools, pods }: Sources, { starts, metrics, reconcile }: StartListener): void {
  pods.onChange((event, object, previous) => {
    const startMs = startedIn({ event, object, previous });
    if (startMs === undefined) return;
    metrics.podStarted(startMs);
    for (const key of poolKeyOf(object)) {
      const { metadata, status } = pools.get(key) ?? {};
      const uid = metadata?.uid;
      if (uid === undefined) continue;
      starts.record(uid, startMs);
      if (starts.seconds(uid, status?.podStartSeconds) !== status?.podStartSeconds) reconcile(key);
    }
  });
}
