import { isDeepStrictEqual } from 'node:util';
import type { PodUsageReport } from '@redis-queue/bullmq';
import { MOST_STUCK_PODS, type StuckPod } from '@redis-queue/scaling-bus';

interface Said {
  readonly atMs: number;
  readonly pod: StuckPod;
}

/** Pods report at least once a minute while a handler is stuck; one that is silent for longer is gone. */
const FORGET_MS = 180_000;
/** Most pods that are remembered: four reads hold no more. Newer ones push out those that were read longer ago. */
const MOST_REMEMBERED = 4 * MOST_STUCK_PODS;

/** The pods of a pool with handlers that are stuck, as they reported last. What a read does not hold is remembered. */
export interface StuckHandlers {
  readonly said: ReadonlyMap<string, Said>;
  /** The same object for as long as nothing changes; undefined: there are none. */
  readonly pods: readonly StuckPod[] | undefined;
}

export const NO_STUCK_HANDLERS: StuckHandlers = { said: new Map(), pods: undefined };

/** Adds what was read of the pods' reports: those of some pods, or of none when none reported lately. Pure. */
export function learnStuckHandlers(before: StuckHandlers, reports: readonly PodUsageReport[]): StuckHandlers {
  const said = new Map(reports.length === 0 ? [] : before.said);
  for (const { pod, redisTimeMs, slots, stuck } of reports) {
    said.delete(pod);
    if (stuck === undefined || slots < 1) continue;
    said.set(pod, { atMs: redisTimeMs, pod: { pod, handlers: Math.round(stuck), slots: Math.round(slots) } });
  }
  const newestMs = Math.max(...reports.map(({ redisTimeMs }) => redisTimeMs));
  for (const [pod, { atMs }] of said) if (newestMs - atMs > FORGET_MS) said.delete(pod);
  for (const pod of [...said.keys()].slice(0, Math.max(0, said.size - MOST_REMEMBERED))) said.delete(pod);
  const pods = [...said.values()]
    .map(({ pod }) => pod)
    .toSorted((a, b) => a.pod.localeCompare(b.pod))
    .slice(0, MOST_STUCK_PODS);
  if (pods.length === 0) return { said, pods: undefined };
  return { said, pods: isDeepStrictEqual(pods, before.pods) ? before.pods : pods };
}
