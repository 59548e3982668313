import type { Queue } from '@redis-queue/api';
import { formatOwner, parseOwner, parseOwnerMark, queueId, type OwnerMark } from '@redis-queue/bullmq';
import { queueRef } from '@redis-queue/redis-access';
import type { Problem } from './reasons.ts';
import { TAKE_OVER_ANNOTATION } from './resources.ts';

/** Another Queue object of this cluster that claims the same queue on the same server. */
export interface Claimant {
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp: string;
}

/** What became of the object of this cluster that the owner mark names. `unknown`: we may not read it. */
export type HolderState = 'gone' | 'claims' | 'unknown';

export interface OwnershipFacts {
  readonly clusterId: string;
  readonly rawOwnerMark?: string | undefined;
  readonly claimants: readonly Claimant[];
  readonly holder?: HolderState | undefined;
}

export type Ownership =
  /** `mark` is ours already; undefined: take the queue, from `from` if somebody had it. */
  | { readonly ours: true; readonly mark?: OwnerMark; readonly from?: string }
  | { readonly ours: false; readonly problem: Problem };

/** Who governs the queue, as the owner mark says it: never a uid, which changes when GitOps re-creates the object. */
export function ownerOf(queue: Queue, clusterId: string): string {
  return formatOwner({ clusterId, namespace: queue.metadata.namespace ?? '', name: queue.metadata.name });
}

/**
 * Whether `queue` may govern its queue in Redis. The oldest live claimant of this cluster may; the mark of an object
 * that is gone is free; the mark of another cluster, or of a later release, is only taken with the annotation.
 */
export function decideOwnership(queue: Queue, facts: OwnershipFacts): Ownership {
  const where = queueId(queueRef(queue));
  const mark = parseOwnerMark(facts.rawOwnerMark);
  const marked = typeof mark === 'object' ? mark.owner : undefined;
  const older = facts.claimants.find((other) => comesBefore(other, queue, facts.clusterId, marked));
  if (older) {
    return refuse(
      'Conflict',
      `Queue ${older.namespace}/${older.name} is older and claims ${where} too; delete one of the two`,
    );
  }
  const forced = queue.metadata.annotations?.[TAKE_OVER_ANNOTATION] === 'true';
  if (mark === undefined) return { ours: true };
  if (mark === 'unreadable') {
    if (forced) return { ours: true, from: 'an unreadable owner mark' };
    return refuse(
      'OwnerMarkUnreadable',
      `the owner mark of ${where} is of a later release; upgrade, or annotate ${TAKE_OVER_ANNOTATION}=true`,
    );
  }
  if (mark.owner === ownerOf(queue, facts.clusterId)) return { ours: true, mark };
  const holder = parseOwner(mark.owner);
  if (forced || holder === undefined) return { ours: true, from: mark.owner };
  if (holder.clusterId !== facts.clusterId) {
    return refuse(
      'OwnedByOtherCluster',
      `Queue ${holder.namespace}/${holder.name} of cluster ${holder.clusterId} governs ${where}; if it is gone, annotate ${TAKE_OVER_ANNOTATION}=true`,
    );
  }
  const isYounger = facts.claimants.some(
    ({ namespace, name }) => namespace === holder.namespace && name === holder.name,
  );
  if (facts.holder === 'gone' || isYounger) return { ours: true, from: `${holder.namespace}/${holder.name}` };
  return refuse(
    'Conflict',
    `Queue ${holder.namespace}/${holder.name} governs ${where}; delete it, or annotate ${TAKE_OVER_ANNOTATION}=true when it uses another Redis now`,
  );
}

/**
 * Older first. creationTimestamp counts whole seconds (and sorts as text, being always UTC); within the same second,
 * whoever holds the mark comes first, so that nobody takes over by its name alone; when neither does, namespace and
 * name decide: an order that all agree on.
 */
function comesBefore(other: Claimant, queue: Queue, clusterId: string, marked: string | undefined): boolean {
  const { creationTimestamp = '', namespace = '', name } = queue.metadata;
  if (other.creationTimestamp !== creationTimestamp) return other.creationTimestamp < creationTimestamp;
  if (marked === ownerOf(queue, clusterId)) return false;
  if (marked === formatOwner({ clusterId, namespace: other.namespace, name: other.name })) return true;
  return `${other.namespace}/${other.name}` < `${namespace}/${name}`;
}

function refuse(reason: Problem['reason'], message: string): Ownership {
  return { ours: false, problem: { reason, message } };
}
