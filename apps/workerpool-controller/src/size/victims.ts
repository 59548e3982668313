import type { Resource } from '@redis-queue/controller';
import { DELETION_COST_ANNOTATION } from '../kubernetes/names.ts';

/** What the choice of victims uses of a pod, as the API server has it. */
export interface VictimPod extends Resource {
  spec?: { nodeName?: string };
  status?: { phase?: string; conditions?: { type: string; status: string }[] };
}

/** By pod; one that is in neither runs no job. */
export interface HeldByPods {
  /** Active jobs. */
  readonly jobs: Readonly<Record<string, number>>;
  /** For how many seconds they have run in all; empty: not known. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** A pod's new `pod-deletion-cost`. */
export interface DeletionCost {
  readonly pod: string;
  readonly uid: string | undefined;
  /** As it was seen: a write that is late, perhaps of a former leader, changes nothing. */
  readonly resourceVersion: string | undefined;
  readonly cost: number;
}

export type VictimPlan =
  /** The costs to write before the size; none when Kubernetes' own choice is as good. */
  | { readonly kind: 'choose'; readonly costs: readonly DeletionCost[] }
  /** Kubernetes would take a pod that runs more than one that stays, whatever the costs say. */
  | { readonly kind: 'postpone'; readonly message: string };

/** A pod that has not got ready by this age is not starting but ill, and holds no shrink up. */
export const STARTING_MS = 60_000;
/** The cost is an int32. */
const MAX_COST = 2 ** 31 - 1;
/** A cost as written is as good as one that differs by no more than so many seconds, if it leaves the same pods first. */
const AS_GOOD = 60;

/**
 * How a pool gets from its pods to `to` of them at the least cost of work. Pure.
 *
 * A pod costs the seconds that its jobs have run for, and one more per job: that is what is lost should they outlast the
 * drain. It also takes the pods whose jobs are least likely to: where a few jobs run far longer than most, one that has
 * run for long will run for as long again.
 *
 * The ReplicaSet controller takes, in this order, pods without a node, Pending, of unknown phase, not ready; costs
 * count only among equals. So a pod that works before the kubelet has found it ready cannot be spared: the shrink waits
 * until it is. Pods that are on their way out are not counted and not taken.
 *
 * Two ReplicaSets, while a version comes in, each choose among their own pods by the same costs.
 */
export function planVictims(pods: readonly VictimPod[], held: HeldByPods, to: number, nowMs: number): VictimPlan {
  const candidates = pods.filter(isActive).map((pod) => candidateOf(pod, held));
  // Of equals Kubernetes takes newer ones first.
  const ordered = candidates.toSorted((a, b) => a.rank - b.rank || a.work - b.work || b.createdMs - a.createdMs);
  const goes = Math.max(0, ordered.length - to);
  const [victims, survivors] = [ordered.slice(0, goes), ordered.slice(goes)];
  if (goes === 0 || survivors.length === 0) return { kind: 'choose', costs: [] };
  const least = Math.min(...survivors.map(({ work }) => work));
  const starting = victims.find(
    ({ rank, work, createdMs }) => rank < READY && work > least && nowMs - createdMs < STARTING_MS,
  );
  if (starting) {
    const { name, jobs } = starting;
    return {
      kind: 'postpone',
      message: `pod ${name} runs ${jobs} jobs and is not ready yet, so that Kubernetes would take it first`,
    };
  }
  if (candidates.every(({ work }) => work === least)) return { kind: 'choose', costs: [] };
  const most = Math.max(...victims.map(({ work }) => work));
  const wrong = [
    ...victims.filter(({ work, cost }) => cost !== work && !(isAsGood(cost, work) && cost <= most && cost < least)),
    ...survivors.filter(({ work, cost }) => cost !== work && !(isAsGood(cost, work) && cost > most)),
  ];
  return {
    kind: 'choose',
    costs: wrong.map(({ name, uid, resourceVersion, work }) => ({ pod: name, uid, resourceVersion, cost: work })),
  };
}

/**
 * What pods lose grows by the second. Costs that had to be exact would all be written anew by each try, and where the API
 * server takes too long for all of them, no try would ever come to its end.
 */
function isAsGood(cost: number, work: number): boolean {
  return cost > 0 && work > 0 && Math.abs(cost - work) <= AS_GOOD;
}

interface Candidate {
  readonly name: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly createdMs: number;
  /** The ReplicaSet controller takes all pods of a rank before the next; costs count within a rank. */
  readonly rank: number;
  readonly jobs: number;
  /** What is lost with them. */
  readonly work: number;
  /** As annotated now. */
  readonly cost: number;
}

const PHASES = ['Pending', 'Unknown', 'Running'];
/** Phases, each not ready and ready. */
const RANKS = 6;
/** Of a pod that has a node, runs and is ready: the last rank. */
const READY = RANKS - 1;

function candidateOf({ metadata, spec, status }: VictimPod, held: HeldByPods): Candidate {
  const { name, uid, resourceVersion, creationTimestamp, annotations } = metadata;
  const jobs = ownOf(held.jobs, name);
  return {
    name,
    uid,
    resourceVersion,
    createdMs: creationTimestamp === undefined ? Number.NEGATIVE_INFINITY : Date.parse(creationTimestamp),
    rank: rankOf(spec?.nodeName, status),
    jobs,
    work: Math.min(jobs + ownOf(held.seconds, name), MAX_COST),
    cost: costOf(annotations?.[DELETION_COST_ANNOTATION]),
  };
}

function ownOf(amounts: Readonly<Record<string, number>>, name: string): number {
  return Object.hasOwn(amounts, name) ? amounts[name]! : 0;
}

function rankOf(nodeName: string | undefined, { phase, conditions = [] }: VictimPod['status'] = {}): number {
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  const phaseRank = Math.max(0, PHASES.indexOf(phase ?? ''));
  // A pod without a node comes before every one that has one; then by phase, then by readiness.
  return (nodeName ? 0 : -RANKS) + 2 * phaseRank + (ready ? 1 : 0);
}

/** Absent is 0, and so is what Kubernetes does not accept. */
function costOf(text: string | undefined): number {
  return text !== undefined && /^(0|-?[1-9][0-9]{0,9})$/.test(text) ? Number(text) : 0;
}

/** As the ReplicaSet controller counts: what ends or has ended is neither kept nor taken. */
function isActive({ metadata, status }: VictimPod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
