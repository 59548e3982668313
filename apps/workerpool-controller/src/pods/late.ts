import { hasEnded, type Pod } from './pods.ts';

/** Pods that have had more time than pods may take to become ready, and are not. */
export interface LatePods {
  readonly count: number;
  /** After how many ms there may be one more; undefined while none starts. */
  readonly dueInMs?: number;
}

/** Which of the pods are late, by the times that the API server and the kubelet wrote. Pure. */
export function latePods(pods: readonly Pod[], deadlineMs: number, nowMs: number): LatePods {
  const leftMs = pods
    .filter((pod) => !pod.ready && !hasEnded(pod))
    .map(
      ({ unreadySince, metadata }) => Date.parse(unreadySince ?? metadata.creationTimestamp ?? '') + deadlineMs - nowMs,
    );
  const ahead = leftMs.filter((ms) => ms > 0);
  return {
    count: leftMs.filter((ms) => ms <= 0).length,
    ...(ahead.length > 0 && { dueInMs: Math.min(...ahead) }),
  };
}
