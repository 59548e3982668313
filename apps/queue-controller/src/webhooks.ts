import { DEFAULT_REDIS_SECRET, keepsDeadLetters, type Queue } from '@redis-queue/api';
import { deadLetterQueue, letterSourceOf, type QueueRef } from '@redis-queue/bullmq';
import type { AdmissionRequest, KindAdmission, Verdict } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import { mayClaim } from './ownership/claimants.ts';

/** Queue objects of all namespaces that claim the queue in Redis, oldest first. */
export type ClaimantsOf = (ref: QueueRef) => Iterable<Queue>;

/** Claimants that one request looks at: whoever may create Queues may create thousands of one name. */
const MAX_LOOKED_AT = 512;

/** What a Queue cannot say of itself alone: whether another one of its namespace has its name in Redis. */
export function queueAdmission(claimantsOf: ClaimantsOf): KindAdmission<Queue> {
  return { kind: 'queue', validate: (request) => validateQueue(request, claimantsOf) };
}

/**
 * A courtesy: two that are created at the same moment both pass, and the condition `Conflict` of the younger one says the
 * same then, as it does across namespaces, and for Secrets of two names that lead to the same Redis. Pure.
 */
export function validateQueue(
  { object, oldObject, namespace }: Pick<AdmissionRequest<Queue>, 'object' | 'oldObject' | 'namespace'>,
  claimantsOf: ClaimantsOf,
): Verdict {
  const warnings = pointless(object);
  if (!mayClaim(object)) return { refusals: [], warnings };
  // Only what the change brings is refused; a name is immutable.
  const before = oldObject && claimsOf(oldObject);
  const claims = claimsOf(object).filter(({ id }) => !before?.some((claim) => claim.id === id));
  const isOther = (other: Queue): boolean =>
    other.metadata.namespace === namespace &&
    other.metadata.name !== object.metadata.name &&
    secretOf(other) === secretOf(object) &&
    mayClaim(other);
  const refusals = claims.flatMap(({ field, ref }) => {
    const governor = first(claimantsOf(ref), isOther);
    if (governor)
      return [
        `${field}: Queue ${governor.metadata.name} governs ${nameOf(ref)} already; choose another name, or delete that Queue first`,
      ];
    const source = letterSourceOf(ref);
    const keeper = source && first(claimantsOf(source), (other) => isOther(other) && keepsDeadLetters(other.spec));
    return keeper
      ? [`${field}: Queue ${keeper.metadata.name} keeps its dead letters in ${nameOf(ref)}; choose another name`]
      : [];
  });
  return { refusals, warnings };
}

interface Claim {
  /** Equal for the same queue in the Redis of the same Secret. */
  readonly id: string;
  readonly field: string;
  readonly ref: QueueRef;
}

/** The queues in Redis that a Queue claims: its own, and that of its dead letters. */
function claimsOf(queue: Queue): Claim[] {
  const claim = (field: string, ref: QueueRef): Claim => ({ id: `${secretOf(queue)} ${nameOf(ref)}`, field, ref });
  const own = queueRef(queue);
  const letters = keepsDeadLetters(queue.spec) ? [claim('spec.dlqPolicy.enabled', deadLetterQueue(own))] : [];
  return [claim(nameField(queue), own), ...letters];
}

const nameOf = ({ prefix, name }: QueueRef): string => `${prefix}:${name} in the same Redis`;

/** By whose name alone two Queues of a namespace are known to have the same Redis. */
function secretOf({ spec: { redis } }: Queue): string {
  return redis?.secretRefs?.controller?.name ?? redis?.secretRef?.name ?? DEFAULT_REDIS_SECRET;
}

function nameField({ spec }: Queue): string {
  if (spec.redis?.queueName !== undefined) return 'spec.redis.queueName';
  return spec.name === undefined ? 'metadata.name' : 'spec.name';
}

function first(queues: Iterable<Queue>, matches: (queue: Queue) => boolean): Queue | undefined {
  let lookedAt = 0;
  for (const queue of queues) {
    if (matches(queue)) return queue;
    if (++lookedAt === MAX_LOOKED_AT) return undefined;
  }
  return undefined;
}

/** What is legal and does nothing. */
function pointless({ spec }: Queue): string[] {
  const { retention, paused, schedulers = [] } = spec;
  const warnings: string[] = [];
  if (retention?.failedJobs !== undefined && keepsDeadLetters(spec))
    warnings.push(
      'spec.retention.failedJobs: failed jobs become dead letters here; dlqPolicy.retentionDays says how long these are kept',
    );
  if (paused && schedulers.length > 0)
    warnings.push('spec.schedulers: the queue is paused, so that their jobs wait in line until it is resumed');
  return warnings;
}
