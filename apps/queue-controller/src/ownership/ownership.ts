import { GROUP, type Queue, type QueueReason } from '@redis-queue/api';
import { formatOwner, parseOwner, parseOwnerMark, queueId, type OwnerMark } from '@redis-queue/bullmq';
import type { Problem as KindProblem } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import { byAge, type Claimant } from './claimants.ts';

type Problem = KindProblem<QueueReason>;

/** "true": take the queue over from an owner of which this cluster knows nothing. */
export const TAKE_OVER_ANNOTATION = `${GROUP}/take-over`;

/**
 * What became of the object of this cluster that the owner mark names. `claims`: it names the queue; `deadLetters`: the
 * queue is the dead-letter queue of the one that it names; `leaving`: it is being deleted; `unknown`: we may not read it.
 */
export type HolderState = 'gone' | 'leaving' | 'claims' | 'deadLetters' | 'unknown';

export interface OwnershipFacts {
  readonly clusterId: string;
  readonly rawOwnerMark?: string | undefined;
  readonly claimants: readonly Claimant[];
  readonly holder?: HolderState | undefined;
}

export type Ownership =
  /** `mark` is ours already; without it: take the queue, from `from` if somebody had it, whose mark was `former`. */
  | { readonly ours: true; readonly mark?: OwnerMark; readonly from?: string; readonly former?: OwnerMark }
  /** `inherits`: the object of this cluster that has it may go, and this one would follow. */
  | { readonly ours: false; readonly problem: Problem; readonly inherits?: true; readonly dueMs?: number };

/**
 * How long a Queue after its creation waits for the object that governs its queue to go: GitOps that moves one creates the
 * new one first, and removes the old one in the same sync.
 */
export const MOVE_MS = 2 * 60_000;

/** Who governs the queue, as the owner mark says it: never a uid, which changes when GitOps re-creates the object. */
export function ownerOf(queue: Queue, clusterId: string): string {
  return formatOwner({ clusterId, namespace: queue.metadata.namespace ?? '', name: queue.metadata.name });
}

/**
 * Whether `queue` may govern its queue in Redis. Whoever holds the mark may, as long as the object names the queue. The
 * mark of an object that is gone or being deleted is free, and the oldest claimant whose credentials Redis accepts may
 * take it. The mark of another cluster, or of a later release, is only taken with the annotation.
 */
export function decideOwnership(queue: Queue, facts: OwnershipFacts, now: Date): Ownership {
  const mark = parseOwnerMark(facts.rawOwnerMark);
  if (typeof mark === 'object' && mark.owner === ownerOf(queue, facts.clusterId)) return { ours: true, mark };
  const problem =
    queue.metadata.annotations?.[TAKE_OVER_ANNOTATION] === 'true'
      ? undefined
      : heldByAnother(whereOf(queue), mark, facts);
  if (problem?.reason === 'Conflict' && facts.holder !== 'deadLetters')
    return { ours: false, inherits: true, ...waitsOrConflicts(queue, problem, now) };
  if (problem) return { ours: false, problem };
  const older = facts.claimants.find((other) => other.login === 'accepted' && byAge({ metadata: other }, queue) < 0);
  if (older) {
    return refuse(
      'Conflict',
      `Queue ${older.namespace}/${older.name} is older and claims ${whereOf(queue)} too; delete one of the two`,
    );
  }
  if (mark === undefined) return { ours: true };
  if (mark === 'unreadable') return { ours: true, from: 'an unreadable owner mark' };
  return { ours: true, from: nameOf(mark, facts.clusterId), former: mark };
}

/** A new Queue that finds its queue held is on its way to govern it, as far as anybody can tell yet. */
function waitsOrConflicts(
  { metadata: { creationTimestamp = '' } }: Queue,
  problem: Problem,
  now: Date,
): { readonly problem: Problem; readonly dueMs?: number } {
  const dueMs = Date.parse(creationTimestamp) + MOVE_MS - now.getTime();
  // A creation far in the future is by a clock that is wrong.
  if (!(dueMs > 0 && dueMs < 2 * MOVE_MS)) return { problem };
  const message = `${problem.message}; until two minutes after its creation this one waits for that`;
  return { problem: { reason: 'WaitingForOwner', message }, dueMs };
}

/**
 * Whether the object that the mark names still has the queue. Where we may not read the object, as that of a release for
 * other namespaces, its mark says that it removes the queue.
 */
export function isHeld(mark: OwnerMark, holder: HolderState | undefined): boolean {
  return holder === 'claims' || holder === 'deadLetters' || (holder === 'unknown' && mark.removal === undefined);
}

/** Why the mark of a queue is not free; undefined when it is, or when there is none. */
export function heldByAnother(
  where: string,
  mark: ReturnType<typeof parseOwnerMark>,
  { clusterId, holder: state }: Pick<OwnershipFacts, 'clusterId' | 'holder'>,
): Problem | undefined {
  if (mark === undefined) return undefined;
  if (mark === 'unreadable') {
    const message = `the owner mark of ${where} is of a later release; upgrade, or annotate ${TAKE_OVER_ANNOTATION}=true`;
    return { reason: 'OwnerMarkUnreadable', message };
  }
  const holder = parseOwner(mark.owner);
  if (holder === undefined) return undefined;
  if (holder.clusterId !== clusterId) {
    return {
      reason: 'OwnedByOtherCluster',
      message: `Queue ${holder.namespace}/${holder.name} of cluster ${holder.clusterId} governs ${where}; if it is gone, annotate ${TAKE_OVER_ANNOTATION}=true`,
    };
  }
  if (!isHeld(mark, state)) return undefined;
  if (state === 'deadLetters') {
    return {
      reason: 'Conflict',
      message: `${where} is the dead-letter queue of Queue ${holder.namespace}/${holder.name}, which governs it; delete this Queue, or take dlqPolicy out of that one`,
    };
  }
  return {
    reason: 'Conflict',
    message: `Queue ${holder.namespace}/${holder.name} governs ${where}; delete it, or annotate ${TAKE_OVER_ANNOTATION}=true when it uses another Redis now`,
  };
}

function nameOf({ owner }: OwnerMark, clusterId: string): string {
  const holder = parseOwner(owner);
  return holder?.clusterId === clusterId ? `${holder.namespace}/${holder.name}` : owner;
}

function whereOf(queue: Queue): string {
  return queueId(queueRef(queue));
}

function refuse(reason: Problem['reason'], message: string): Ownership {
  return { ours: false, problem: { reason, message } };
}
