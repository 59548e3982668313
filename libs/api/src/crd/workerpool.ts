import { API_VERSION } from '../kinds/meta.ts';
import { WORKER_POOL_REASONS } from '../kinds/workerpool-reasons.ts';
import { WORKER_POOLS, workerPoolSpecSchema, workerPoolStatusSchema } from '../kinds/workerpool.ts';
import type { KindDefinition } from './definition.ts';

const autoscaled = (object: string) => `(has(${object}.spec.autoscaling) && ${object}.spec.autoscaling.enabled)`;

export const workerPoolDefinition: KindDefinition = {
  kind: WORKER_POOLS.kind,
  plural: WORKER_POOLS.plural,
  shortName: 'wp',
  description: 'A fleet of worker pods that run the jobs of one or more Queues of its namespace.',
  spec: workerPoolSpecSchema,
  status: workerPoolStatusSchema,
  rules: [
    {
      rule: 'size(self.metadata.name) <= 52',
      message: 'metadata.name must have at most 52 characters, because the names of its pods are longer by up to 11',
    },
    {
      // Only while it is on before and after: switching it on or off may carry another number along.
      rule: `!(${autoscaled('self')} && ${autoscaled('oldSelf')}) || self.spec.replicas == oldSelf.spec.replicas`,
      message:
        'spec.replicas must not change while spec.autoscaling.enabled is true, because the autoscaler sizes the pool; change spec.autoscaling.minReplicas or maxReplicas, or disable autoscaling first',
      fieldPath: '.spec.replicas',
      reason: 'FieldValueForbidden',
    },
  ],
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    {
      name: 'Available',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Available")].status',
      description: 'Whether a pod is ready, or none is asked for.',
    },
    {
      name: 'Desired',
      type: 'integer',
      jsonPath: '.status.desiredReplicas',
      description: 'Pods that the Deployment asks for.',
    },
    { name: 'Ready-Pods', type: 'integer', jsonPath: '.status.readyReplicas', description: 'Pods that are ready.' },
    { name: 'Min', type: 'integer', jsonPath: '.spec.autoscaling.minReplicas' },
    { name: 'Max', type: 'integer', jsonPath: '.spec.autoscaling.maxReplicas' },
    {
      name: 'Held-By',
      type: 'string',
      jsonPath: '.status.autoscaling.heldBy',
      description: 'What keeps the size from following the demand; empty while it does.',
    },
    { name: 'Version', type: 'string', jsonPath: '.spec.version' },
    {
      name: 'Rollout',
      type: 'string',
      jsonPath: '.status.rollout.phase',
      description: 'Whether the rollout is in progress, failed or was rolled back; empty once the version runs.',
    },
    {
      name: 'Running',
      type: 'string',
      jsonPath: '.status.currentVersion',
      description: 'The version that all pods ran last.',
      priority: 1,
    },
    {
      name: 'Degraded',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Degraded")].status',
      description: 'Whether it serves worse than it should.',
      priority: 1,
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      priority: 1,
    },
    {
      name: 'Scaling',
      type: 'string',
      jsonPath: '.status.autoscaling.reason',
      description: 'Why the pool has its size.',
      priority: 1,
    },
  ],
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
  reasons: WORKER_POOL_REASONS,
  available: 'a pod is ready, or none is asked for',
  notices: [
    {
      type: 'PodsBlocked',
      meaning:
        'some requested pods cannot work, and why; absent while there are none. While they are most of the pool, are refused, or wait for a node for long, the autoscaler adds none.',
    },
    {
      type: 'PodsKilled',
      meaning:
        'pods were killed in the last hour because they were out of memory: which, at what limit, how often, and what to do; absent otherwise.',
    },
    {
      type: 'HandlersStuck',
      meaning:
        'handlers go on although their jobs have failed by jobTimeout, and in which pods; absent while none does, and while autoscaling is off.',
    },
    {
      type: 'QueueNotConsumed',
      meaning:
        'no job has left the line of a queue for a minute although pods are ready with free slots and nothing limits the queue: which, since when, what waits, what is free, and where to look; absent otherwise, and while autoscaling is off.',
    },
    {
      type: 'StuckPodsReplaced',
      meaning:
        'False while spec.replaceStuck has pods to replace and does not: which, since when, and what it waits for; or while it cannot see which pods speak to Redis. Absent otherwise.',
    },
    {
      type: 'ConfigTracked',
      meaning:
        'False while spec.template names Secrets whose changes do not replace the pods, because the controller may not read them; absent otherwise.',
    },
    {
      type: 'BusyPodsSpared',
      meaning:
        'False while the pool shrinks without sparing busy pods, because the API server refuses to list them or to write their pod-deletion-cost; absent otherwise.',
    },
    {
      type: 'ScalingActive',
      meaning:
        'the autoscaler sizes the pool. False while it is off or lacks data: no decisions arrive, the bus cannot be reached, or a queue cannot be read.',
    },
    {
      type: 'AbleToScale',
      meaning:
        'the size can follow the demand. False while trouble keeps the pool from growing (failing jobs or pods, a quota, no node, Redis at its limit), while somebody else writes the size, or while the API server refuses the size. Absent while autoscaling is off or has not decided.',
    },
    {
      type: 'ScalingLimited',
      meaning:
        'True while maxReplicas or spec.autoscaling.behavior keeps the size from following the demand. Absent whenever AbleToScale is.',
    },
    {
      type: 'ReplicasContested',
      meaning: "somebody else writes the Deployment's replicas; absent while nobody does.",
    },
  ],
  examples: [
    {
      title: 'Three pods, sized by hand.',
      object: {
        apiVersion: API_VERSION,
        kind: 'WorkerPool',
        metadata: { name: 'email-workers' },
        spec: { image: 'registry.example/email-worker', version: '1.4.2', queues: ['emails'], replicas: 3 },
      },
    },
    {
      title: 'None to fifty pods, so that 95 of 100 jobs start within five seconds.',
      object: {
        apiVersion: API_VERSION,
        kind: 'WorkerPool',
        metadata: { name: 'email-workers' },
        spec: {
          image: 'registry.example/email-worker',
          version: '1.4.2',
          queues: ['emails'],
          concurrency: 10,
          resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '512Mi' } },
          autoscaling: {
            enabled: true,
            minReplicas: 0,
            maxReplicas: 50,
            targetMetrics: { queueDepth: 100, latencyP95: '5s' },
          },
          drainPolicy: { gracePeriod: '30s', maxDrainTime: '10m' },
        },
      },
    },
  ],
};
