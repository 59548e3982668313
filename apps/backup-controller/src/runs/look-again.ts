import {
  keyOf,
  type KubeClient,
  type ObjectKey,
  type Plan,
  type Problem,
  type Resource,
  type ResourceType,
} from '@redis-queue/controller';
import { PostponedError } from './failure.ts';
import { OutdatedError } from './outdated-error.ts';

/** An object of which nothing is held but who it is. */
export interface ObjectOfRun {
  readonly key: ObjectKey;
  readonly uid: string;
}

export function ofRun(object: Resource): ObjectOfRun {
  return { key: keyOf(object), uid: object.metadata.uid ?? '' };
}

/** What a step that has its place finds, and does its work with. */
export interface Found<T, O> {
  readonly object: T;
  readonly observed: O;
}

export interface LookAgainOptions<T extends Resource, O> {
  readonly client: Pick<KubeClient, 'get'>;
  readonly type: ResourceType;
  /** As in a reconcile in which nothing is known of a run. */
  readonly observe: (object: T, signal: AbortSignal) => Promise<O & { readonly problem?: Problem }>;
  readonly plan: (object: T, observed: O) => Plan<{ readonly kind: string }>;
}

/**
 * Looks at the object of a run that has its place, as the API server has it, and decides anew: it may have waited for
 * hours, in which its queues moved to another Redis; and it was begun by what a cache showed, which may have been older
 * than what a former leader has written. What is completed must not be done again.
 *
 * @param kind of the step that the run is for; it goes on only where it is planned still.
 * @throws OutdatedError; PostponedError with what stands in the way now; what the API server throws.
 */
export async function lookAgain<T extends Resource, O>(
  { key, uid }: ObjectOfRun,
  kind: string,
  signal: AbortSignal,
  { client, type, observe, plan }: LookAgainOptions<T, O>,
): Promise<Found<T, O>> {
  const object = await client.get<T>(type, key, { signal });
  if (!object || object.metadata.uid !== uid) throw new OutdatedError(`${type.kind} ${key.name} is gone`);
  const observed = await observe(object, signal);
  const { steps } = plan(object, observed);
  // A finalizer comes before what it is held for, and is a reconcile's to write.
  const waits = steps.some((step) => step.kind === 'addFinalizer');
  if (!waits && steps.some((step) => step.kind === kind)) return { object, observed };
  if (observed.problem && !waits) throw new PostponedError(observed.problem);
  throw new OutdatedError(`${type.kind} ${key.name} has changed since; it is looked at again`);
}
