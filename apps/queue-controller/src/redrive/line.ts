import {
  findCondition,
  keyOf,
  keyToString,
  type Change,
  type ObjectCache,
  type ObjectKey,
} from '@redis-queue/controller';
import type { QueueRedriveReason } from '@redis-queue/api';
import { hasEnded, queueKeyOf, type RedriveObject } from './redrives.ts';

const LINE = 'redrives-in-line';
const OPEN = 'redrives-open';
/**
 * Of the redrives of a Queue that changed, so many are reconciled at once; the others see it with their next retry. Who
 * creates thousands must not have all of them reconciled because of one.
 */
const MAX_NOTIFIED = 8;

/** What the `Ready` of a dry run says that counts, or is going to. */
const COUNTS: ReadonlySet<string> = new Set([
  'Pending',
  'Counting',
  'WaitingForRedrive',
] satisfies QueueRedriveReason[]);

type Redrives = Pick<ObjectCache<RedriveObject>, 'addIndex' | 'eachByIndex'>;

/**
 * Which redrives go one after the other, the oldest first: those of a Queue that put something back, and the dry runs of
 * a namespace, each of which may read and parse as much as a queue holds. One that is suspended or has ended is out of
 * line.
 */
export class RedriveLine {
  readonly #redrives: Redrives;

  /** @param byAge orders objects, the oldest first. */
  constructor(redrives: Redrives, byAge: (a: RedriveObject, b: RedriveObject) => number) {
    this.#redrives = redrives;
    redrives.addIndex(LINE, (redrive) => (isInLine(redrive) ? [lineOf(redrive)] : []), byAge);
    redrives.addIndex(OPEN, (redrive) => (hasEnded(redrive) ? [] : [keyToString(queueKeyOf(redrive))]), byAge);
  }

  /** The redrive that goes before this one; undefined: it is its turn. */
  ahead(redrive: RedriveObject): RedriveObject | undefined {
    if (!isInLine(redrive)) return undefined;
    for (const first of this.#redrives.eachByIndex(LINE, lineOf(redrive))) {
      if (first.metadata.uid === redrive.metadata.uid) return undefined;
      if (!isStuck(first)) return first;
    }
    return undefined;
  }

  /** Whose turn it is when this one has left the line, or lets the others pass. */
  next(redrive: RedriveObject): ObjectKey[] {
    for (const first of this.#redrives.eachByIndex(LINE, lineOf(redrive))) if (!isStuck(first)) return [keyOf(first)];
    return [];
  }

  /** Those of a Queue that have not ended, the oldest first. */
  ofQueue(queue: ObjectKey): ObjectKey[] {
    return firstKeys(this.#redrives.eachByIndex(OPEN, keyToString(queue)), MAX_NOTIFIED);
  }
}

/** Whether the change lets the next one have its turn: others do not wait for it any more. */
export function leavesLine({ event, object, previous }: Change<RedriveObject>): boolean {
  if (event === 'delete') return holdsLine(object);
  return previous !== undefined && holdsLine(previous) && !holdsLine(object);
}

function holdsLine(redrive: RedriveObject): boolean {
  return isInLine(redrive) && !isStuck(redrive);
}

/** A dry run that cannot read its queue costs Redis nothing, and keeps none of another queue waiting. */
function isStuck({ spec, status }: RedriveObject): boolean {
  const reason = findCondition(status?.conditions, 'Ready')?.reason;
  return spec.dryRun && reason !== undefined && !COUNTS.has(reason);
}

function isInLine(redrive: RedriveObject): boolean {
  const { deletionTimestamp } = redrive.metadata;
  return deletionTimestamp === undefined && !redrive.spec.suspend && !hasEnded(redrive);
}

function lineOf(redrive: RedriveObject): string {
  const queue = queueKeyOf(redrive);
  return redrive.spec.dryRun ? `dry runs of ${queue.namespace}` : keyToString(queue);
}

function firstKeys(redrives: Iterable<RedriveObject>, most: number): ObjectKey[] {
  const keys: ObjectKey[] = [];
  for (const redrive of redrives) {
    if (keys.length === most) break;
    keys.push(keyOf(redrive));
  }
  return keys;
}
