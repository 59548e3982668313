import { keyOf, type Change, type ObjectCache, type ObjectKey, type Resource } from '@redis-queue/controller';
import { hasEnded, type RunObject } from './run-objects.ts';

const OPEN = 'open';
/**
 * Of the objects that may wait for what has changed, so many are reconciled at once; the others see it with their next
 * retry. Who creates thousands must not have all of them reconciled because of one Queue.
 */
const MAX_NOTIFIED = 8;

/** The objects of a kind that may wait for something, by namespace: what they wait for lies in it. */
export class OpenObjects<T extends RunObject> {
  readonly #objects: Pick<ObjectCache<T>, 'eachByIndex'>;

  /** @param waits whether an object may wait; by default each that has not ended. */
  constructor(
    objects: Pick<ObjectCache<T>, 'addIndex' | 'eachByIndex'>,
    waits: (object: T) => boolean = (object) => !hasEnded(object),
  ) {
    this.#objects = objects;
    objects.addIndex(OPEN, (object) => (waits(object) ? [object.metadata.namespace ?? ''] : []));
  }

  /** Those of the namespace of another object. */
  ofNamespace({ metadata }: Resource): ObjectKey[] {
    const keys: ObjectKey[] = [];
    for (const object of this.#objects.eachByIndex(OPEN, metadata.namespace ?? '')) {
      if (keys.length === MAX_NOTIFIED) break;
      keys.push(keyOf(object));
    }
    return keys;
  }
}

/** Whether an object comes, goes, or has another spec or other labels. */
export function changesSpec({ event, object, previous }: Change<Resource>): boolean {
  if (event !== 'update') return true;
  const [now, before] = [object.metadata, previous?.metadata];
  return now.generation !== before?.generation || JSON.stringify(now.labels) !== JSON.stringify(before?.labels);
}

/** Whether an object comes, goes, or has ended with this change. */
export function comesToAnEnd({ event, object, previous }: Change<RunObject>): boolean {
  return event !== 'update' || hasEnded(object) !== (previous !== undefined && hasEnded(previous));
}
