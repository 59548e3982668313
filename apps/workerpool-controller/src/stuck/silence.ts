import type { SpeakingClients } from '@redis-queue/scaling-bus';
import { hasEnded, type Pod } from '../pods/pods.ts';

/**
 * How long a pod has to be silent: longer than any worker of BullMQ is that has nothing to do (10 s), is held by a limit
 * (30 s), or runs jobs with a `lockDuration` of up to eight minutes, whose locks it renews in half of that.
 */
export const SILENT_MS = 5 * 60_000;
/** A pod that has spoken since then speaks: what is known is up to a minute old, and an idle worker speaks every 10 s. */
const SPEAKS_MS = 60_000;

/** Who of a pool's pods speaks to the Redis of its queues. */
export interface Silence {
  /** The longest silent first. */
  readonly silent: readonly Pod[];
  readonly speaking: readonly Pod[];
  /** Since when each ready pod has had no connection, by uid; remembered for the next time. */
  readonly missingSinceMs: ReadonlyMap<string, number>;
  /** Why it is not known. */
  readonly unknown?: string;
}

export const NO_SILENCE: Silence = { silent: [], speaking: [], missingSinceMs: new Map() };

const PROXIED =
  'most pods of the pool do not connect to it from their own addresses, as behind a proxy or a network that translates addresses';

/**
 * Finds the ready pods that have not spoken to Redis for `SILENT_MS`, on a connection or for want of one. Pure.
 *
 * @param before what was found by the last decision.
 * @param nowMs when the decision arrived.
 */
export function findSilence(
  pods: readonly Pod[],
  clients: SpeakingClients | undefined,
  before: Silence,
  nowMs: number,
): Silence {
  if (clients === undefined) return NO_SILENCE;
  if ('unknown' in clients) return { ...NO_SILENCE, unknown: clients.unknown };
  const ready = pods.filter((pod) => pod.ready && !hasEnded(pod) && pod.address !== undefined);
  const missingSinceMs = new Map<string, number>();
  const silent: { readonly pod: Pod; readonly silentMs: number }[] = [];
  const speaking: Pod[] = [];
  for (const pod of ready) {
    const { uid = '' } = pod.metadata;
    const idleSeconds = clients.idleSeconds[pod.address!];
    if (idleSeconds === undefined) missingSinceMs.set(uid, before.missingSinceMs.get(uid) ?? nowMs);
    const silentMs = idleSeconds === undefined ? nowMs - missingSinceMs.get(uid)! : idleSeconds * 1_000;
    if (silentMs >= SILENT_MS) silent.push({ pod, silentMs });
    if (idleSeconds !== undefined && silentMs <= SPEAKS_MS) speaking.push(pod);
  }
  // A network may translate addresses between nodes only: the pods beside the Redis are seen, and the others all work.
  const areMostMissing = silent.length > 0 && missingSinceMs.size * 2 > ready.length;
  return {
    silent: silent.toSorted((a, b) => b.silentMs - a.silentMs).map(({ pod }) => pod),
    speaking,
    missingSinceMs,
    ...(areMostMissing && { unknown: PROXIED }),
  };
}
