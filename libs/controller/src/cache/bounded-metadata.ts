import type { Resource } from '../objects/resources.ts';

/** Of the value of one annotation that is held. The API server takes 256 KiB, and none that is read here has 1 kB. */
const MAX_VALUE = 1024;
/** Of the annotations of one object together, names included; and likewise of its labels, and of its finalizers. */
const MAX_TOTAL = 8 * 1024;
/** The API server takes none that is longer. */
const MAX_FINALIZER = 512;
/** Of the text of an owner reference, whose parts the API server does not bound. */
const MAX_REFERENCE = 2 * 1024;

/** What kubectl notes of what it applied: a second copy of the spec. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Takes out of an object's metadata what a tenant can make large and nobody reads here, so that a cache of thousands
 * of objects stays small: managed fields (often half of an object), kubectl's note, annotations of over 1 kB, what
 * exceeds 8 kB of all annotations, labels or finalizers (the longest go first), and owners other than the controller. It
 * changes `object`, and leaves what was within these bounds as it was.
 */
export function boundMetadata<T extends Resource>(object: T): T {
  const metadata = object.metadata as T['metadata'] & { managedFields?: unknown };
  delete metadata.managedFields;
  const { annotations, labels, finalizers, ownerReferences } = metadata;
  if (annotations) {
    delete annotations[LAST_APPLIED];
    for (const [name, value] of Object.entries(annotations)) if (value.length > MAX_VALUE) delete annotations[name];
    boundTotal(annotations);
  }
  if (labels) boundTotal(labels);
  if (finalizers) {
    const held = Object.fromEntries(finalizers.map((name) => [name, '']));
    boundTotal(held);
    // Each once: the API server takes the same one thousands of times.
    metadata.finalizers = Object.keys(held);
  }
  if (ownerReferences) {
    // The API server takes one controller at most.
    const owner = ownerReferences.find(({ controller }) => controller);
    metadata.ownerReferences = owner && JSON.stringify(owner).length <= MAX_REFERENCE ? [owner] : [];
  }
  return object;
}

/** Whether finalizers of a cached object may not be all that the object has. */
export function mayBeCut(finalizers: readonly string[]): boolean {
  return finalizers.reduce((sum, { length }) => sum + length, 0) > MAX_TOTAL - MAX_FINALIZER;
}

function boundTotal(texts: Record<string, string>): void {
  const lengthOf = (name: string): number => name.length + texts[name]!.length;
  const names = Object.keys(texts);
  if (names.reduce((sum, name) => sum + lengthOf(name), 0) <= MAX_TOTAL) return;
  // Always the same ones, so that what did not change does not look changed.
  const shortestFirst = names.toSorted((a, b) => lengthOf(a) - lengthOf(b) || (a < b ? -1 : 1));
  let total = 0;
  for (const name of shortestFirst) {
    total += lengthOf(name);
    if (total > MAX_TOTAL) delete texts[name];
  }
}
