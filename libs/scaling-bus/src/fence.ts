/** The annotation on a Deployment that says which decision its `replicas` come from: `<epoch>.<sequence>`. */
export const DECISION_ANNOTATION = 'redis-queue.io/decision';

/** Orders decisions: a later epoch wins over any sequence of an earlier one. */
export interface Fence {
  /** The bus's Redis time, in ms, when the publisher became leader. */
  readonly epoch: number;
  /** Counts decisions within the epoch, over all pools. */
  readonly sequence: number;
}

/** `<epoch>.<sequence>`, as the annotation and the status carry it. */
export function formatFence({ epoch, sequence }: Fence): string {
  return `${epoch}.${sequence}`;
}

/**
 * Reads `<epoch>.<sequence>`.
 *
 * @returns undefined for an absent or malformed text: what somebody scribbled into an annotation must not stop scaling.
 */
export function parseFence(text: string | undefined): Fence | undefined {
  const [, epoch, sequence] = /^([0-9]{1,16})\.([0-9]{1,16})$/.exec(text ?? '') ?? [];
  if (epoch === undefined || sequence === undefined) return undefined;
  const fence = { epoch: Number(epoch), sequence: Number(sequence) };
  return Number.isSafeInteger(fence.epoch) && Number.isSafeInteger(fence.sequence) ? fence : undefined;
}

/** Below 0 when `a` is older than `b`, 0 when they are the same decision, above 0 when `a` is newer. */
export function compareFence(a: Fence, b: Fence): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}
