import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '../objects/resources.ts';
import type { Change } from './types.ts';

/**
 * False for an update of nothing but the status: the spec's generation and the metadata that people and controllers
 * write are equal. Types without a generation (Secret, ConfigMap) have no status: every change counts.
 */
export function changesMoreThanStatus<T extends Resource>({ event, object, previous }: Change<T>): boolean {
  if (event !== 'update' || !previous) return true;
  const before = previous.metadata;
  const now = object.metadata;
  return (
    now.generation === undefined ||
    now.generation !== before.generation ||
    now.deletionTimestamp !== before.deletionTimestamp ||
    !isDeepStrictEqual(now.labels, before.labels) ||
    !isDeepStrictEqual(now.annotations, before.annotations) ||
    !isDeepStrictEqual(now.finalizers, before.finalizers) ||
    !isDeepStrictEqual(now.ownerReferences, before.ownerReferences)
  );
}

/** False only for an update that a re-list repeated. */
export function changesAtAll<T extends Resource>({ event, object, previous }: Change<T>): boolean {
  return event !== 'update' || object.metadata.resourceVersion !== previous?.metadata.resourceVersion;
}
