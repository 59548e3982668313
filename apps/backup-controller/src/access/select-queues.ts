import { MOST_QUEUES, type QueueBackupReason, type QueueBackupSpec, type QueueSelector } from '@redis-queue/api';
import type { Problem } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';

type SelectReason = Extract<
  QueueBackupReason,
  'QueueNotFound' | 'NoQueueSelected' | 'TooManyQueues' | 'SelectorInvalid'
>;

export type SelectedQueues =
  | { readonly ok: true; readonly queues: readonly QueueObject[] }
  | { readonly ok: false; readonly problem: Problem<SelectReason> };

export interface QueueObjects {
  get(name: string): QueueObject | undefined;
  /** All of the namespace. */
  list(): readonly QueueObject[];
}

/** The Queues that a backup is about, in the order of their names. Pure. */
export function selectQueues({ names, selector }: QueueBackupSpec['queues'], queues: QueueObjects): SelectedQueues {
  if (names) return byName(names, queues);
  const problem = selector && invalidity(selector);
  if (problem !== undefined) return refuse('SelectorInvalid', `spec.queues.selector: ${problem}`);
  const selected = queues.list().filter(({ metadata }) => matches(metadata.labels ?? {}, selector ?? {}));
  if (selected.length === 0)
    return refuse('NoQueueSelected', 'spec.queues.selector selects no Queue of the namespace; label one');
  if (selected.length > MOST_QUEUES)
    return refuse(
      'TooManyQueues',
      `spec.queues.selector selects ${selected.length} Queues, and one backup has ${MOST_QUEUES} at most; part them by labels`,
    );
  return { ok: true, queues: inOrder(selected) };
}

function byName(names: readonly string[], queues: QueueObjects): SelectedQueues {
  const found = names.map((name) => queues.get(name));
  const missing = names.filter((_, index) => !found[index]);
  if (missing.length > 0)
    return refuse(
      'QueueNotFound',
      `spec.queues.names has ${missing.slice(0, 5).join(', ')}, ${missing.length === 1 ? 'which is no Queue' : 'which are no Queues'} of the namespace; create ${missing.length === 1 ? 'it' : 'them'}`,
    );
  return { ok: true, queues: inOrder(found.filter((queue) => queue !== undefined)) };
}

function inOrder(queues: readonly QueueObject[]): QueueObject[] {
  return queues.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** As Kubernetes evaluates a LabelSelector. */
function matches(labels: Readonly<Record<string, string>>, selector: QueueSelector): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const held = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return (
    Object.entries(matchLabels).every(([key, value]) => held(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = held(key);
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        default:
          return value === undefined;
      }
    })
  );
}

function invalidity({ matchExpressions = [] }: QueueSelector): string | undefined {
  for (const { key, operator, values = [] } of matchExpressions) {
    const takesValues = operator === 'In' || operator === 'NotIn';
    if (takesValues && values.length === 0) return `${operator} of ${key} needs values`;
    if (!takesValues && values.length > 0) return `${operator} of ${key} takes no values`;
  }
  return undefined;
}

function refuse(reason: SelectReason, message: string): SelectedQueues {
  return { ok: false, problem: { reason, message } };
}
