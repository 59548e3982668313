import type { Resource } from './resources.ts';

/** Velero's label on each object that it creates: the name of its restore. */
const RESTORE_LABEL = 'velero.io/restore-name';

/**
 * Velero creates an object without its status, and writes the status a moment later where it is asked to. Its older
 * releases do not when somebody has written to the object in between.
 */
const STATUS_FOLLOWS_MS = 60_000;

/** What is needed of an object that runs once, as a Job does. */
export interface RunsOnce extends Resource {
  readonly status?: {
    readonly observedGeneration?: number | undefined;
    readonly startTime?: string | undefined;
    readonly completionTime?: string | undefined;
  };
}

/** An object that Velero has created again, of which nobody knows whether it has run. */
export interface RestoredUnfinished {
  /** Why it is not run, in words. */
  readonly message: string;
  /** For so long its status may follow; until then nothing may be written to it. */
  readonly statusWithinMs: number;
}

/** Whether Velero has created the object with the status of another, which ran before this one was there. */
export function hasStatusOfAnother({ metadata, status }: RunsOnce): boolean {
  return (
    restoreNameOf(metadata) !== undefined &&
    Date.parse(status?.startTime ?? '') < Date.parse(metadata.creationTimestamp ?? '')
  );
}

/**
 * Whether Velero has created an object that runs once again without the status of its end. To run such an object would
 * do once more what was done before: Velero drops statuses, unless it is asked not to. An object that lived on, and only
 * got Velero's label, is none: its status is younger than itself.
 *
 * @returns undefined for every other object, also one that has ended.
 */
export function restoredUnfinished(object: RunsOnce, now: Date): RestoredUnfinished | undefined {
  const { metadata, status } = object;
  const restore = restoreNameOf(metadata);
  if (restore === undefined || status?.completionTime !== undefined) return undefined;
  if (status?.observedGeneration !== undefined)
    return hasStatusOfAnother(object) ? { message: messageOf(restore), statusWithinMs: 0 } : undefined;
  const withinMs = Date.parse(metadata.creationTimestamp ?? '') + STATUS_FOLLOWS_MS - now.getTime();
  return { message: messageOf(restore), statusWithinMs: withinMs > 0 ? withinMs : 0 };
}

function messageOf(restore: string): string {
  return `restore ${restore} of Velero has created it without the status of its end, so it may have been done before and is not run; create another object to have it run`;
}

/** Velero clears its label in objects that it updates, before it sets it anew. */
function restoreNameOf({ labels }: Resource['metadata']): string | undefined {
  return labels?.[RESTORE_LABEL] || undefined;
}
