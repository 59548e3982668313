import { addressOf, deadLetterQueue, queueId } from '@redis-queue/bullmq';
import { queueRef } from '@redis-queue/redis-access';
import type { NamedRedis, Sources } from '../access/sources.ts';
import type { QueueTarget } from '../engine/targets.ts';
import { resolveScratchTargets } from './scratch-targets.ts';
import { wantedOf, type BackupQueues, type TargetProblem, type TargetsOf } from './wanted-queues.ts';

export interface TargetOptions {
  /** All of it is there, or is to be removed: a Queue that is not to be paused, or only observed, stands in no way. */
  readonly isWritten?: boolean;
}

/**
 * Where each queue of a backup goes: into a Queue, or for a while under keys of the restore's own. Pure over its sources.
 *
 * @param queues of the backup.
 */
export function targetsFor(
  queues: BackupQueues,
  restore: TargetsOf,
  sources: Pick<Sources, 'queues' | 'resolve'> & NamedRedis,
  options?: TargetOptions,
): QueueTarget[] | TargetProblem {
  const { scratch } = restore.spec;
  return scratch
    ? resolveScratchTargets(queues, restore, scratch, sources)
    : resolveTargets(queues, restore, sources, options);
}

/**
 * Where each queue of a backup goes: into the Queue that the spec names for it, or the one of its name; its dead letters
 * into those of that Queue. Pure over its sources.
 *
 * @param queues of the backup.
 */
export function resolveTargets(
  { names, leftOut }: BackupQueues,
  { metadata: { namespace = '' }, spec }: TargetsOf,
  sources: Pick<Sources, 'queues' | 'resolve'>,
  { isWritten = false }: TargetOptions = {},
): QueueTarget[] | TargetProblem {
  const wanted = wantedOf(names, spec, leftOut);
  if (!Array.isArray(wanted)) return wanted;
  const targets: QueueTarget[] = [];
  for (const { name, queue: queueName, isDeadLetters } of wanted) {
    const queue = sources.queues.get({ namespace, name: queueName });
    if (!queue) {
      const message = `queue ${name} of the backup goes into Queue ${queueName}, which does not exist in namespace ${namespace}; create it, or name another in spec.queues`;
      return { reason: 'QueueNotFound', message };
    }
    if (queue.spec.adoptionPolicy === 'Observe' && !isWritten) {
      const message = `Queue ${queueName} has spec.adoptionPolicy: Observe, so that nothing is written to its queue; set it to Adopt, or restore into another Queue by spec.queues`;
      return { reason: 'QueueObserved', message };
    }
    if (queue.spec.paused === false && !isWritten) {
      const message = `Queue ${queueName} has spec.paused: false, so that workers would start jobs before all are restored; set it to true, or remove it`;
      return { reason: 'QueueNotPausable', message };
    }
    const access = sources.resolve(queue, 'restore');
    if (!access.ok) return access.problem;
    const ref = isDeadLetters ? deadLetterQueue(queueRef(queue)) : queueRef(queue);
    const governor = `${namespace}/${queueName}`;
    targets.push({ name, queue: queueName, isDeadLetters, ref, target: access.target, governor });
  }
  return clashOf(targets) ?? targets;
}

function clashOf(targets: readonly QueueTarget[]): TargetProblem | undefined {
  const seen = new Map<string, string>();
  for (const { name, queue, ref, target } of targets) {
    const place = `${addressOf(target)} ${queueId(ref)}`;
    const other = seen.get(place);
    if (other !== undefined) {
      const message = `queues ${other} and ${name} of the backup would both go into ${queueId(ref)} (Queue ${queue}); give each a Queue of its own in spec.queues`;
      return { reason: 'TargetsClash', message };
    }
    seen.set(place, name);
  }
  return undefined;
}
