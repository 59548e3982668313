import type { WorkerPool } from '@redis-queue/api';
import { findCondition, timestamp } from '@redis-queue/controller';
import { REPLICAS_ANNOTATION, SCALE_MANAGER, TAKEN_BACK_ANNOTATION, TEMPLATE_MANAGER } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { PoolCondition } from '../kubernetes/reasons.ts';
import { isOurSize, liveReplicas, ownersOfReplicas } from './replicas.ts';

/** How long after another's write of `replicas` we leave it alone; twice as long each time that it comes back. */
export const CONTEST_MS = 5 * 60_000;
/** However often it comes back, we try once per day. */
const MAX_CONTEST_MS = 24 * 3_600_000;
/** Who writes the size again within this time, beyond the pause, keeps coming back. */
const COMES_BACK_WITHIN_MS = 24 * 3_600_000;
/** How long an autoscaler may take to react to our write: a HorizontalPodAutoscaler shrinks after an hour at most. */
const REACTS_WITHIN_MS = 2 * 3_600_000;

/** Who else writes the Deployment's size. */
export interface Contest {
  readonly manager: string;
  /**
   * What is done about it. `repair`: a person wrote the size, which is set back when its time is up. `yield`: an
   * autoscaler wrote it, or somebody who comes back; from then on only a larger size is written. `wait`: it is declared
   * by server-side apply, for as long as it is.
   */
  readonly kind: 'repair' | 'yield' | 'wait';
  /** Until when nothing is written; absent when that is over, or will never be. */
  readonly untilMs?: number;
  /** The size that we wrote last: who sets it gives the size back. */
  readonly ours?: string;
}

/** That we wrote over another's size, as an annotation keeps it. */
interface TakenBack {
  readonly times: number;
  readonly atMs: number;
  /** The size that was written over: while its owner may come back, decisions do not go below. 0 of a person's. */
  readonly floor: number;
  readonly manager: string;
}

/**
 * Who keeps us from writing `replicas` now, from the managed fields of a live object. Also one that happens to have
 * written the size that we want to leave: an autoscaler that passes through it would come back at once.
 *
 * A note of another's plain write carries no time and stays for good, so the time counts from when status first
 * reported it, or from when we last wrote over it. That, how often and whose stands on the Deployment.
 */
export function contestOf(
  replicas: number,
  deployment: Deployment,
  pool: WorkerPool,
  nowMs: number,
): Contest | undefined {
  const contest = rivalOf(deployment, pool, nowMs);
  if (!contest) return undefined;
  const grows = replicas > liveReplicas(deployment);
  if (isOurSize(deployment) && isPerson(contest.manager) && contest.kind !== 'wait') return undefined;
  const over = contest.untilMs === undefined && contest.kind !== 'wait';
  return over && (grows || contest.kind === 'repair') ? undefined : contest;
}

/**
 * What the annotation is to say once we have written the size of `deployment`; undefined: it is to be gone. Without
 * managed fields nobody is known to be written over.
 */
export function takenBackAfter(deployment: Deployment, pool: WorkerPool, nowMs: number): string | undefined {
  const contest = rivalOf(deployment, pool, nowMs);
  const before = readTakenBack(deployment, nowMs);
  if (!contest) {
    const remembered = before && nowMs - before.atMs < MAX_CONTEST_MS + COMES_BACK_WITHIN_MS;
    return remembered ? format(before) : undefined;
  }
  const times = timesBefore(before, contest.manager, reportedMs(pool, nowMs)) + 1;
  const floor = contest.kind === 'yield' ? liveReplicas(deployment) : 0;
  return format({ times, atMs: nowMs, floor, manager: contest.manager });
}

/**
 * The size below which no decision goes: what an autoscaler had when we wrote over it, for as long as it may come back.
 */
export function contestedFloor(deployment: Deployment, nowMs: number): number {
  const before = readTakenBack(deployment, nowMs);
  return before && nowMs - before.atMs < REACTS_WITHIN_MS ? Math.min(before.floor, liveReplicas(deployment)) : 0;
}

function rivalOf(deployment: Deployment, pool: WorkerPool, nowMs: number): Contest | undefined {
  const owner = foreignOwner(deployment);
  if (!owner) return undefined;
  const { manager, declares } = owner;
  if (declares) return { manager, kind: 'wait' };
  const sinceMs = reportedMs(pool, nowMs);
  const before = readTakenBack(deployment, nowMs);
  const times = timesBefore(before, manager, sinceMs);
  // One that passes through our size is not reported; the pause since we wrote over it has to be over all the same.
  const fromMs = Math.max(isOurSize(deployment) ? 0 : sinceMs, before?.atMs ?? 0);
  const untilMs = fromMs + pauseMs(times);
  const ours = deployment.metadata.annotations?.[REPLICAS_ANNOTATION];
  return {
    manager,
    kind: isPerson(manager) && times === 0 ? 'repair' : 'yield',
    ...(untilMs > nowMs && { untilMs }),
    ...(ours !== undefined && { ours }),
  };
}

/** Who beside us owns the size of a live Deployment; one that declares it before others. */
export function foreignOwner(deployment: Deployment): { manager: string; declares: boolean } | undefined {
  const others = ownersOfReplicas(deployment).filter(
    ({ manager }) => manager !== SCALE_MANAGER && manager !== TEMPLATE_MANAGER,
  );
  const owner = others.find(({ operation }) => operation === 'Apply') ?? others[0];
  return owner && { manager: owner.manager ?? 'unknown', declares: owner.operation === 'Apply' };
}

/** kubectl, and what it calls itself in its commands: `kubectl-edit`, `kubectl-patch`. */
function isPerson(manager: string): boolean {
  return /^kubectl(-|$)/.test(manager);
}

/** When status first reported that somebody contests the size; `nowMs` before it did. */
function reportedMs(pool: WorkerPool, nowMs: number): number {
  const condition = findCondition(pool.status?.conditions, PoolCondition.ReplicasContested);
  return condition ? Date.parse(condition.lastTransitionTime) : nowMs;
}

function pauseMs(times: number): number {
  return Math.min(CONTEST_MS * 2 ** times, MAX_CONTEST_MS);
}

/** How often in a row we wrote over the size of `manager`, who contests it since `sinceMs`. */
function timesBefore(before: TakenBack | undefined, manager: string, sinceMs: number): number {
  if (before?.manager !== manager) return 0;
  return sinceMs - before.atMs < pauseMs(before.times) + COMES_BACK_WITHIN_MS ? before.times : 0;
}

function format({ times, atMs, floor, manager }: TakenBack): string {
  return `${times} ${timestamp(atMs)} ${floor} ${manager}`;
}

/** Anybody who may write the Deployment can write it: what cannot be true is not believed. */
function readTakenBack({ metadata }: Deployment, nowMs: number): TakenBack | undefined {
  const [times = '', at = '', floor = '', ...manager] = metadata.annotations?.[TAKEN_BACK_ANNOTATION]?.split(' ') ?? [];
  const atMs = Date.parse(at);
  const believed = [times, floor].every((count) => /^[0-9]{1,6}$/.test(count)) && atMs <= nowMs;
  return believed ? { times: Number(times), atMs, floor: Number(floor), manager: manager.join(' ') } : undefined;
}
