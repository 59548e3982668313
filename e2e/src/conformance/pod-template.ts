import { podTemplate } from '@redis-queue/workerpool-controller/pod-template';
import type { PodRequest } from './runtime.ts';

/** RQ_POOL */
export const POOL = 'conformance';

/** What the workerpool controller makes of a pool of this image; without probes, since an image of level 0 has none. */
export function templateOf(
  reference: string,
  namespace: string,
  secretName: string,
  { queues, concurrency, drainPolicy }: PodRequest,
): ReturnType<typeof podTemplate> {
  const [, image = reference, version = 'latest'] = /^(.+):([^:/]+)$/.exec(reference) ?? [];
  const pool = {
    apiVersion: 'redis-queue.io/v1',
    kind: 'WorkerPool',
    metadata: { name: POOL, namespace, annotations: { 'redis-queue.io/probes': 'off' } },
    spec: { image, version, queues: queues.map(({ queue }) => queue), concurrency, replicas: 1, drainPolicy },
  } as const;
  const redis = { queues, secretName, tls: false, keys: ['redis-url'], secretHash: '' };
  return podTemplate(pool, redis);
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: object; readonly secretKeyRef?: { readonly key: string } };
}

/** The variables of the template's container as a process gets them. Pure. */
export function environmentOf(
  template: ReturnType<typeof podTemplate>,
  podName: string,
  secret: Readonly<Record<string, string>>,
): Record<string, string> {
  const variables = (template.spec.containers[0]?.['env'] ?? []) as readonly Variable[];
  return Object.fromEntries(
    variables.flatMap(({ name, value, valueFrom }) => {
      const text = valueFrom ? (valueFrom.fieldRef ? podName : secret[valueFrom.secretKeyRef?.key ?? '']) : value;
      return text === undefined ? [] : [[name, text.replaceAll('$$', '$')]];
    }),
  );
}
