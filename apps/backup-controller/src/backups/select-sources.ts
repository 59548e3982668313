import { keepsDeadLetters } from '@redis-queue/api';
import { deadLetterQueue } from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { selectQueues } from '../access/select-queues.ts';
import type { OpenAccess, Sources } from '../access/sources.ts';
import { leftOutBy, type QueueLeftOut } from '../engine/left-out.ts';
import { deadLettersName } from '../engine/queue-names.ts';
import type { QueueSource } from '../engine/read-queue.ts';
import type { BackupObject, Problem, SelectedSources } from './steps.ts';

/** The queues to read, or why none of them can be. */
export function selectSources(
  { metadata: { namespace = '' }, spec }: BackupObject,
  sources: Pick<Sources, 'queues' | 'resolve'>,
): SelectedSources | Problem {
  const selected = selectQueues(spec.queues, {
    get: (name) => sources.queues.get({ namespace, name }),
    list: () => sources.queues.list(namespace),
  });
  if (!selected.ok) return selected.problem;
  const queues: QueueSource[] = [];
  const unresolved: QueueLeftOut[] = [];
  let first: Problem | undefined;
  for (const queue of selected.queues) {
    const access = sources.resolve(queue, 'backup');
    const names = namesOf(queue, spec.deadLetters);
    if (access.ok) queues.push(...sourcesOfQueue(queue, access, names));
    else unresolved.push(...names.map((name) => leftOutBy(name, access.problem)));
    if (!access.ok) first ??= access.problem;
  }
  return queues.length === 0 && first ? first : { queues, unresolved };
}

/** As the backup names the queue, and its dead letters where they go along. */
function namesOf({ metadata: { name }, spec }: QueueObject, deadLetters: boolean): string[] {
  return deadLetters && keepsDeadLetters(spec) ? [name, deadLettersName(name)] : [name];
}

function sourcesOfQueue(queue: QueueObject, { target }: OpenAccess, names: readonly string[]): QueueSource[] {
  const { namespace = '', name } = queue.metadata;
  const governor = `${namespace}/${name}`;
  const ref = queueRef(queue);
  return names.map((each, at) => ({ name: each, ref: at === 0 ? ref : deadLetterQueue(ref), target, governor }));
}
