import { mayBeCut } from '../cache/bounded-metadata.ts';
import type { KubeClient, RequestOptions } from '../client/kube-client.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';
import { keyOf } from '../objects/resources.ts';
import { isNotFound } from '../client/api-error.ts';

/**
 * The steps that add or remove a kind's finalizer. They are part of its plan, because their order matters: added before
 * anything that a deletion has to undo, removed after it is undone.
 */
export type FinalizerStep =
  | { readonly kind: 'addFinalizer' }
  /** `dataRetained`: why something outside Kubernetes is left behind. */
  | { readonly kind: 'removeFinalizer'; readonly dataRetained?: string };

export function isFinalizerStep(step: unknown): step is FinalizerStep {
  const { kind } = step as { kind?: unknown };
  return kind === 'addFinalizer' || kind === 'removeFinalizer';
}

export function hasFinalizer(object: Resource, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Adds `finalizer`, unless it is there.
 * @returns the object as it is now; `object` itself when nothing was written
 * @throws ApiError Conflict when `object` is not the newest: reconcile again
 */
export async function addFinalizer<T extends Resource>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  finalizer: string,
  options: RequestOptions = {},
): Promise<T> {
  if (hasFinalizer(object, finalizer)) return object;
  return await writeFinalizers(client, type, object, { add: finalizer }, options);
}

/** Removes `finalizer`, unless it is gone; an object that is gone itself is fine. Throws as `addFinalizer`. */
export async function removeFinalizer<T extends Resource>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  finalizer: string,
  options: RequestOptions = {},
): Promise<T> {
  if (!hasFinalizer(object, finalizer)) return object;
  try {
    return await writeFinalizers(client, type, object, { remove: finalizer }, options);
  } catch (error) {
    if (isNotFound(error)) return object;
    throw error;
  }
}

// A merge patch replaces the whole list, so it must not run over another's finalizer: hence the resourceVersion.
async function writeFinalizers<T extends Resource>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  { add, remove }: { readonly add?: string; readonly remove?: string },
  options: RequestOptions,
): Promise<T> {
  const { uid, resourceVersion, finalizers: known = [] } = object.metadata;
  // A cache holds some kB of them; on an object of another version the patch is a conflict.
  const held = mayBeCut(known)
    ? ((await client.get<T>(type, keyOf(object), options))?.metadata.finalizers ?? [])
    : known;
  const others = held.filter((entry) => entry !== add && entry !== remove);
  const finalizers = add === undefined ? others : [...others, add];
  return await client.mergePatch<T>(type, keyOf(object), { metadata: { uid, resourceVersion, finalizers } }, options);
}
