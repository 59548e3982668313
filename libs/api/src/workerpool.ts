import { z } from 'zod';
import { API_VERSION, conditionsSchema, observedGenerationSchema, type ObjectMeta } from './meta.ts';

const drainText = z.string().regex(/^[0-9]+[smh]$/);
const latencyText = z.string().regex(/^[0-9]+(ms|[ms])$/);
const replicas = z.int().min(0).max(10_000);

/** A Kubernetes quantity such as 500m, 1, 128Mi. */
const quantity = z
  .union([z.int(), z.string()])
  .meta({
    'x-kubernetes-int-or-string': true,
    pattern: String.raw`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`,
  });

const scalingRulesSchema = z.object({
  stabilizationWindowSeconds: z.int().min(0).max(3600).optional().describe('Seconds of past proposals that are looked at.'),
  selectPolicy: z.enum(['Max', 'Min', 'Disabled']).optional().describe('Which policy rules when several are given.'),
  policies: z
    .array(
      z.object({
        type: z.enum(['Pods', 'Percent']),
        value: z.int().min(1),
        periodSeconds: z.int().min(1).max(1800),
      }),
    )
    .max(10)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('How much may change within a period.'),
  tolerance: z.number().min(0).max(1).optional().describe('Relative change that is too small to act on.'),
});

export const autoscalingSpecSchema = z.object({
  enabled: z.boolean().default(true).describe('Let the autoscaler size the pool; else spec.replicas rules.'),
  minReplicas: replicas.default(0).describe('Never fewer pods.'),
  maxReplicas: z.int().min(1).max(10_000).optional().describe('Never more pods; required when enabled.'),
  targetMetrics: z
    .object({
      queueDepth: z.int().min(1).max(1_000_000).optional().describe('Ready jobs a replica.'),
      latencyP95: latencyText.optional().describe('95th percentile of the wait, job ready to job started: 500ms, 5s, 5m (m = minutes).'),
    })
    .optional()
    .describe('What the size is chosen for; the larger demand rules.'),
  behavior: z
    .object({ scaleUp: scalingRulesSchema.optional(), scaleDown: scalingRulesSchema.optional() })
    .optional()
    .describe('How fast the size may change, as in HorizontalPodAutoscaler v2.'),
});

export const workerPoolSpecSchema = z
  .object({
    image: z.string().min(1).max(500).regex(/^[^\s@]+$/).describe('Container image without tag: registry.example/worker.'),
    version: z
      .string()
      .min(1)
      .max(128)
      .regex(/^(sha256:[a-f0-9]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]*)$/)
      .describe('Image tag, or digest sha256:….'),
    queues: z
      .array(z.string().min(1).max(253))
      .min(1)
      .max(32)
      .describe('Queues of this namespace (metadata.name) whose jobs the pool runs.')
      .meta({ 'x-kubernetes-list-type': 'set' }),
    concurrency: z.int().min(1).max(1000).default(10).describe('Jobs a pod at once, over all its queues.'),
    replicas: replicas.default(1).describe('Pods while autoscaling is off.'),
    resources: z
      .object({ requests: z.record(z.string(), quantity).optional(), limits: z.record(z.string(), quantity).optional() })
      .optional()
      .describe('CPU and memory of a pod.'),
    autoscaling: autoscalingSpecSchema.optional().describe('How the pool is sized. Absent: spec.replicas rules.'),
    drainPolicy: z
      .object({
        gracePeriod: drainText.default('30s').describe('How long running jobs may finish before they are told to stop.'),
        maxDrainTime: drainText.default('10m').describe('When what still runs is handed back.'),
      })
      .optional()
      .describe('How a pod leaves. Absent: gracePeriod 30s, maxDrainTime 10m.'),
    rollout: z
      .object({ autoRollback: z.boolean().optional().describe('Take a version back whose pods never get ready.') })
      .optional()
      .describe('How a new version comes in.'),
    template: z
      .looseObject({})
      .optional()
      .describe('Partial pod template, merged over what the controller builds.')
      .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
  })
  .describe('Which workers run, for which queues, and how many.');

export const scalingSignalSchema = z.object({
  queue: z.string(),
  depth: z.int().optional(),
  arrivalRate: z.number().optional().describe('Jobs a second.'),
  serviceTimeMs: z.number().optional(),
  waitP95Ms: z.number().optional(),
  oldestAgeMs: z.number().optional(),
  errorRate: z.number().optional(),
  wants: z.int().optional().describe('Replicas that this queue asks for.'),
});

export const workerPoolStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  replicas: z.int().optional().describe('Pods that exist.'),
  desiredReplicas: z.int().optional().describe("The Deployment's spec.replicas."),
  readyReplicas: z.int().optional(),
  selector: z.string().optional(),
  currentVersion: z.string().optional().describe('The version whose pods run.'),
  lastGoodVersion: z.string().optional().describe('The last version whose pods all got ready.'),
  autoscaling: z
    .object({
      desired: z.int().optional(),
      reason: z.string().max(2048).optional().describe('Why the pool has this size.'),
      heldBy: z.string().max(256).optional().describe('Why nothing changes.'),
      decision: z.string().max(64).optional().describe('epoch.sequence of the last decision.'),
      signals: z.array(scalingSignalSchema).max(32).optional().meta({ 'x-kubernetes-list-type': 'atomic' }),
      last: z
        .array(z.object({ time: z.string().meta({ format: 'date-time' }), from: z.int(), to: z.int(), reason: z.string().max(1024) }))
        .max(10)
        .optional()
        .describe('The last changes, newest first.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional(),
});

/** The spec as stored: what the schema defaults is present. */
export type WorkerPoolSpec = z.output<typeof workerPoolSpecSchema>;
/** The spec as a user writes it. */
export type WorkerPoolSpecInput = z.input<typeof workerPoolSpecSchema>;
export type WorkerPoolStatus = z.infer<typeof workerPoolStatusSchema>;
export type AutoscalingSpec = z.output<typeof autoscalingSpecSchema>;
export type ScalingRules = z.infer<typeof scalingRulesSchema>;
export type ScalingSignal = z.infer<typeof scalingSignalSchema>;

export interface WorkerPool {
  apiVersion: typeof API_VERSION;
  kind: 'WorkerPool';
  metadata: ObjectMeta;
  spec: WorkerPoolSpec;
  status?: WorkerPoolStatus;
}
