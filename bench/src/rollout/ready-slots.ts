/** The parts of a pod that show whether jobs can run in it. */
export interface PodReadiness {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Jobs that can run at once: pods that are ready and not on their way out, times the jobs of each. */
export function readySlots(pods: Iterable<PodReadiness>, concurrency: number): number {
  return [...pods].filter(isServing).length * concurrency;
}

function isServing({ metadata, status }: PodReadiness): boolean {
  const ready = status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True');
  return ready === true && metadata.deletionTimestamp === undefined;
}
