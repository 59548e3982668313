import type { WorkerPool } from '@redis-queue/api';
import { DEPLOYMENTS, keyOf, type KubeClient } from '@redis-queue/controller';
import {
  SCALE_MANAGER,
  TAKE_OVER_ANNOTATION,
  TAKEN_BACK_ANNOTATION,
  TAKEN_OVER_ANNOTATION,
} from '../kubernetes/names.ts';
import type { Deployment, ManagedFields } from '../kubernetes/objects.ts';
import { foreignOwner } from './contest.ts';
import { fenceOf } from './replicas.ts';

// The way out of a contested size: an annotation on the WorkerPool says that the size is the pool's again. Each text
// counts once, so that another writer which is still there does not turn it into a fight.

/** Of the annotation's text, in UTF-16 units: what somebody writes there is stored with the Deployment too. */
const MAX_TEXT = 64;

/** That the size is taken over as it is. */
export interface TakeOver {
  readonly kind: 'takeOver';
  /** What the annotation says. */
  readonly request: string;
  /** Who has written the size; absent: nobody else. */
  readonly manager?: string;
}

/**
 * What is to be done about the annotation; undefined: it is not there, or was acted on. Not while the size is declared by
 * server-side apply: whoever declares it would be refused with a conflict, or write it again at once.
 */
export function planTakeOver({ metadata }: WorkerPool, live: Deployment): TakeOver | undefined {
  const request = metadata.annotations?.[TAKE_OVER_ANNOTATION]?.slice(0, MAX_TEXT).toWellFormed();
  if (!request || request === live.metadata.annotations?.[TAKEN_OVER_ANNOTATION] || !fenceOf(live)) return undefined;
  const owner = foreignOwner(live);
  if (owner?.declares) return undefined;
  return { kind: 'takeOver', request, ...(owner && { manager: owner.manager }) };
}

/**
 * Has the API server forget that others have written the size, which stays as it is, and notes the request; on this very
 * state of this very Deployment.
 *
 * @throws ApiError Conflict when it is no longer in that state.
 */
export async function takeOver(
  client: KubeClient,
  { request }: TakeOver,
  current: Deployment,
  signal?: AbortSignal,
): Promise<Deployment> {
  const { resourceVersion, managedFields = [] } = current.metadata;
  const annotations = { [TAKEN_OVER_ANNOTATION]: request, [TAKEN_BACK_ANNOTATION]: null };
  const metadata = { resourceVersion, annotations, managedFields: managedFields.flatMap(withoutReplicas) };
  const options = { fieldManager: SCALE_MANAGER, ...(signal && { signal }) };
  return await client.mergePatch<Deployment>(DEPLOYMENTS, keyOf(current), { metadata }, options);
}

/** What is left of what somebody has written, without the size; nothing where that was all. */
function withoutReplicas(entry: ManagedFields): ManagedFields[] {
  const { manager, operation, fieldsV1 } = entry;
  const { 'f:spec': spec, ...others } = (fieldsV1 ?? {}) as { 'f:spec'?: Record<string, unknown> };
  if (operation === 'Apply' || manager === SCALE_MANAGER || !spec || !('f:replicas' in spec)) return [entry];
  const { 'f:replicas': _, ...left } = spec;
  const fields = { ...others, ...(Object.keys(left).length > 0 && { 'f:spec': left }) };
  return Object.keys(fields).length > 0 ? [{ ...entry, fieldsV1: fields }] : [];
}
