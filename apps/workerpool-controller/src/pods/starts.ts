/** A condition of a pod, as far as it is read. */
export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** What a pod shows of its start. */
export interface PodStart {
  /** It has not been ready yet. */
  readonly starting?: true;
  /**
   * From its creation until it became ready, ms: for the first time, or once more. Absent while it is not, where it
   * waited for a node, and where a container failed.
   */
  readonly startMs?: number;
}

/** A scheduler that has a node, and after it the kubelet there, answer within this time. */
const AT_ONCE_MS = 5_000;

/**
 * What the times of a pod's conditions say of its start; they are whole seconds. Pure.
 *
 * @param hasFailed whether a container was restarted
 */
export function startOf(
  creationTimestamp: string | undefined,
  conditions: readonly PodCondition[],
  hasFailed: boolean,
): PodStart {
  const condition = (type: string): PodCondition | undefined => conditions.find((each) => each.type === type);
  const scheduled = condition('PodScheduled');
  const ready = condition('Ready');
  const createdMs = timeOf(creationTimestamp);
  const scheduledMs = scheduled?.status === 'True' ? timeOf(scheduled.lastTransitionTime) : Number.NaN;
  const readyMs = timeOf(ready?.lastTransitionTime);
  if (hasFailed) return {};
  if (ready?.status === 'True')
    return scheduledMs - createdMs <= AT_ONCE_MS && readyMs >= createdMs ? { startMs: readyMs - createdMs } : {};
  // The kubelet says that a pod is not ready when it takes it on. One that says so later was ready before that.
  const isFirst = ready === undefined || scheduled?.status !== 'True' || readyMs - scheduledMs <= AT_ONCE_MS;
  return isFirst ? { starting: true } : {};
}

function timeOf(text: string | undefined): number {
  return Date.parse(text ?? '');
}
