import { keyOf, PODS, type KubeClient, type Resource } from '@redis-queue/controller';

export type ContainerState = { waiting: { reason: string; message?: string } } | 'ready';
/** Plays kubelet once: the pods of each version get that state. */
export async function playKubelet(
  client: KubeClient,
  namespace: string,
  states: Record<string, ContainerState>,
): Promise<void> {
  type Pod = Resource & { spec: { containers: { image: string }[] } };
  const { items } = await client.list<Pod>(PODS, { namespace });
  for (const pod of items) {
    const state = states[pod.spec.containers[0]!.image.split(':')[1]!];
    if (!state) continue;
    const ready = state === 'ready';
    const status = {
      phase: ready ? 'Running' : 'Pending',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'worker',
          image: '',
          imageID: '',
          ready,
          restartCount: ready ? 0 : 3,
          state: ready ? { running: {} } : state,
          ...(!ready && { lastState: { terminated: { exitCode: 3, reason: 'Error' } } }),
        },
      ],
    };
    await client.mergePatch(PODS, keyOf(pod), { status }, { subresource: 'status' }).catch(() => undefined);
  }
}

/** Plays scheduler and kubelet: new pods of that version get a node, and are ready, so many s after their creation. */
export async function startPods(
  client: KubeClient,
  namespace: string,
  version: string,
  { nodeAfter = 0, readyAfter }: { nodeAfter?: number; readyAfter: number },
): Promise<void> {
  type Pod = Resource & { spec: { containers: { image: string }[] }; status?: { phase?: string } };
  const { items } = await client.list<Pod>(PODS, { namespace });
  for (const pod of items) {
    if (!pod.spec.containers[0]!.image.endsWith(`:${version}`) || pod.status?.phase === 'Running') continue;
    const createdMs = Date.parse(pod.metadata.creationTimestamp ?? '');
    const since = (type: string, seconds: number): object => {
      const lastTransitionTime = new Date(createdMs + seconds * 1_000).toISOString().replace('.000', '');
      return { type, status: 'True', lastTransitionTime };
    };
    const conditions = [since('PodScheduled', nodeAfter), since('Ready', readyAfter)];
    const status = { phase: 'Running', conditions };
    // A pod that is deleted meanwhile needs no node.
    await client.mergePatch(PODS, keyOf(pod), { status }, { subresource: 'status' }).catch(() => undefined);
  }
}
