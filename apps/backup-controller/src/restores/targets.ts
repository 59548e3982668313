import type { QueueRestoreReason, QueueRestoreSpec } from '@redis-queue/api';
import { addressOf, deadLetterQueue, queueId } from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import type { Sources } from '../access/sources.ts';
import { deadLettersName } from '../engine/queue-names.ts';
import type { QueueTarget } from '../engine/targets.ts';

/** Names of queues that a message lists. */
const MOST_NAMED = 10;

type Problems = Problem<QueueRestoreReason>;

/**
 * Where each queue of a backup goes: into the Queue that the spec names for it, or the one of its name; its dead letters
 * into those of that Queue. Pure over its sources.
 *
 * @param names of the queues in the backup.
 */
export function resolveTargets(
  names: readonly string[],
  {
    metadata: { namespace = '' },
    spec,
  }: { readonly metadata: { readonly namespace?: string }; readonly spec: Pick<QueueRestoreSpec, 'queues'> },
  sources: Pick<Sources, 'queues' | 'resolve'>,
): QueueTarget[] | Problems {
  const wanted = wantedOf(names, spec);
  if (!Array.isArray(wanted)) return wanted;
  const targets: QueueTarget[] = [];
  for (const { name, queue: queueName, isDeadLetters } of wanted) {
    const queue = sources.queues.get({ namespace, name: queueName });
    if (!queue) {
      const message = `queue ${name} of the backup goes into Queue ${queueName}, which does not exist in namespace ${namespace}; create it, or name another in spec.queues`;
      return { reason: 'QueueNotFound', message };
    }
    if (queue.spec.paused === false) {
      const message = `Queue ${queueName} has spec.paused: false, so that workers would start jobs before all are restored; set it to true, or remove it`;
      return { reason: 'QueueNotPausable', message };
    }
    const access = sources.resolve(queue, 'restore');
    if (!access.ok) return access.problem;
    const ref = isDeadLetters ? deadLetterQueue(queueRef(queue)) : queueRef(queue);
    targets.push({ name, queue: queueName, ref, target: access.target });
  }
  return clashOf(targets) ?? targets;
}

interface Wanted {
  readonly name: string;
  readonly queue: string;
  readonly isDeadLetters: boolean;
}

function wantedOf(names: readonly string[], { queues }: Pick<QueueRestoreSpec, 'queues'>): Wanted[] | Problems {
  const known = new Set(names);
  // Of a Queue, not dead letters of one that is in the backup as well.
  const ofQueues = names.filter((name) => !names.some((other) => name === deadLettersName(other)));
  const asked: NonNullable<typeof queues> = queues ?? ofQueues.map((name) => ({ name }));
  const missing = asked.find(({ name }) => !known.has(name));
  if (missing) {
    const listed = names.slice(0, MOST_NAMED).join(', ');
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
    const message = `spec.queues names ${missing.name}, which the backup does not have; it has ${listed || 'none'}${more}`;
    return { reason: 'QueueNotInBackup', message };
  }
  const named = new Set(asked.map(({ name }) => name));
  return asked.flatMap(({ name, to }) => {
    const queue = to?.queue ?? name;
    const letters = deadLettersName(name);
    const own = { name, queue, isDeadLetters: false };
    return known.has(letters) && !named.has(letters) ? [own, { name: letters, queue, isDeadLetters: true }] : [own];
  });
}

function clashOf(targets: readonly QueueTarget[]): Problems | undefined {
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
