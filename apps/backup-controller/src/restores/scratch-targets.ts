import { scratchPrefix, type ScratchSpec } from '@redis-queue/api';
import { queueDirectory } from '@redis-queue/backup';
import { queueId } from '@redis-queue/bullmq';
import type { NamedRedis, Sources } from '../access/sources.ts';
import { queueOfDeadLetters } from '../engine/queue-names.ts';
import type { QueueTarget } from '../engine/targets.ts';
import { wantedOf, type BackupQueues, type TargetProblem, type TargetsOf } from './wanted-queues.ts';

/**
 * Where each queue of a backup goes that is only restored to be compared and removed: under a prefix of this restore's
 * own, which no Queue can have. In a Redis Cluster each queue lies on one server, since its name is a hash tag. Pure over
 * its sources.
 *
 * @param queues of the backup.
 */
export function resolveScratchTargets(
  { names, leftOut }: BackupQueues,
  { metadata: { namespace = '', uid = '' }, spec }: TargetsOf,
  scratch: ScratchSpec,
  sources: Pick<Sources, 'queues' | 'resolve'> & NamedRedis,
): QueueTarget[] | TargetProblem {
  const wanted = wantedOf(names, spec, leftOut);
  if (!Array.isArray(wanted)) return wanted;
  const prefix = scratchPrefix(scratch, uid);
  const { secretRef } = scratch;
  const targets: QueueTarget[] = [];
  for (const { name } of wanted) {
    const access = secretRef
      ? sources.resolveSecret(
          { namespace, name: secretRef.name },
          `spec.scratch.secretRef names Secret ${secretRef.name}`,
        )
      : ofItsQueue(name, namespace, sources);
    if ('reason' in access) return access;
    if (!access.ok) return access.problem;
    const ref = { prefix, name: `{${queueDirectory(name)}}` };
    targets.push({ name, queue: queueId(ref), ref, target: access.target });
  }
  return targets;
}

/** The way to the Redis of the Queue of that name, or of the one whose dead letters they are. */
function ofItsQueue(
  name: string,
  namespace: string,
  { queues, resolve }: Pick<Sources, 'queues' | 'resolve'>,
): ReturnType<Sources['resolve']> | TargetProblem {
  const object = queueOfDeadLetters(name) ?? name;
  const queue = queues.get({ namespace, name: object });
  if (queue) return resolve(queue, 'restore');
  const message = `queue ${name} of the backup is tried in the Redis of Queue ${object}, which does not exist in namespace ${namespace}; create it, or name a Secret in spec.scratch.secretRef`;
  return { reason: 'QueueNotFound', message };
}
