import { z } from 'zod';
import { celRules } from './cel.ts';
import {
  type API_VERSION,
  conditionsSchema,
  GROUP,
  observedGenerationSchema,
  type ObjectMeta,
  VERSION,
} from './meta.ts';
import { LONGEST_QUANTITY } from './quantity.ts';

/** Where the API server serves WorkerPools. */
export const WORKER_POOLS = {
  group: GROUP,
  version: VERSION,
  plural: 'workerpools',
  kind: 'WorkerPool',
  namespaced: true,
} as const;

/** On a WorkerPool: "off" for images that serve no /livez and /readyz, such as plain BullMQ. */
export const PROBES_ANNOTATION = `${GROUP}/probes`;

// Seven characters hold 114 years, which CEL's duration (292 years) can still compare.
const drainText = z
  .string()
  .max(7)
  .regex(/^[0-9]+[smh]$/);
const latencyText = z
  .string()
  .max(10)
  .regex(/^[0-9]+(ms|[ms])$/)
  .meta(
    celRules({ rule: "duration(self) > duration('0s')", message: 'must be longer than 0, such as 500ms, 5s or 5m' }),
  );
const replicas = z.int().min(0).max(10_000);

const amounts = z.record(z.string(), z.string());

/** A Kubernetes quantity such as 500m, 1, 128Mi. */
const quantity = z.union([z.int(), z.string()]).meta({
  'x-kubernetes-int-or-string': true,
  maxLength: LONGEST_QUANTITY,
  pattern: String.raw`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`,
});

/** By the name of a resource, such as cpu or nvidia.com/gpu. */
const quantities = z.record(z.string(), quantity).meta({
  maxProperties: 32,
  ...celRules({
    rule: 'self.all(name, size(name) <= 317)',
    message: 'names of resources must be at most 317 characters long',
  }),
});

/** A number of pods, or a percentage of the pool. */
const countOrPercent = z.union([z.int(), z.string()]).meta({
  'x-kubernetes-int-or-string': true,
  ...celRules({
    rule: "type(self) == int ? self >= 1 : self.matches('^[1-9][0-9]?%$|^100%$')",
    message: 'must be a number of at least 1, or a percentage from 1% to 100%',
  }),
});

const scalingRulesSchema = z.object({
  stabilizationWindowSeconds: z
    .int()
    .min(0)
    .max(3600)
    .optional()
    .describe('Seconds of past proposals that are taken into account.'),
  selectPolicy: z.enum(['Max', 'Min', 'Disabled']).optional().describe('Which policy applies when several are given.'),
  policies: z
    .array(
      z.object({
        type: z.enum(['Pods', 'Percent']).describe('What value counts: pods, or percent of the pool.'),
        value: z.int().min(1).describe('How many of them may be added or removed.'),
        periodSeconds: z.int().min(1).max(1800).describe('Length of the period, in seconds.'),
      }),
    )
    .max(10)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('How much may change within a period.'),
  tolerance: z.number().min(0).max(1).optional().describe('Relative change that is too small to act on.'),
});

export const autoscalingSpecSchema = z
  .object({
    enabled: z
      .boolean()
      .default(true)
      .describe('Let the autoscaler size the pool; otherwise spec.replicas sets the size.'),
    minReplicas: replicas.default(0).describe('The least number of pods.'),
    maxReplicas: z.int().min(1).max(10_000).optional().describe('The largest number of pods; required when enabled.'),
    targetMetrics: z
      .object({
        queueDepth: z.int().min(1).max(1_000_000).optional().describe('Ready jobs per replica.'),
        latencyP95: latencyText
          .optional()
          .describe('95th percentile of the wait, job ready to job started: 500ms, 5s, 5m (m = minutes).'),
      })
      .optional()
      .describe('What the size is chosen for; the larger demand decides.'),
    behavior: z
      .object({
        scaleUp: scalingRulesSchema.optional().describe('How fast the pool may grow.'),
        scaleDown: scalingRulesSchema.optional().describe('How fast the pool may shrink.'),
      })
      .optional()
      .describe('How fast the size may change, as in HorizontalPodAutoscaler v2.'),
  })
  .meta(
    celRules(
      {
        rule: '!self.enabled || has(self.maxReplicas)',
        message: 'maxReplicas is required while autoscaling is enabled',
        fieldPath: '.maxReplicas',
        reason: 'FieldValueRequired',
      },
      {
        rule: '!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas',
        message: 'maxReplicas must be at least minReplicas',
        fieldPath: '.maxReplicas',
      },
    ),
  );

/** How a pod drains where the pool says nothing. */
export const DEFAULT_DRAIN_POLICY = { gracePeriod: '30s', maxDrainTime: '10m' } as const;

export const workerPoolSpecSchema = z
  .object({
    image: z
      .string()
      .min(1)
      .max(500)
      .regex(/^[^\s@]+$/)
      .describe('Container image without tag: registry.example/worker.')
      .meta(
        celRules({ rule: "!self.matches(':[^/]*$')", message: 'must not end in a tag; the tag goes to spec.version' }),
      ),
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
    queueWeights: z
      .record(z.string(), z.int().min(1).max(100))
      .optional()
      .describe(
        "By queue of spec.queues, its part of a pod's slots while several queues have work: with 3 and 1, three quarters and one. A queue without work costs the others none. Default: 1 each.",
      )
      .meta({ maxProperties: 32 }),
    concurrency: z.int().min(1).max(1000).default(10).describe('Jobs that a pod runs at once, over all its queues.'),
    replicas: replicas.default(1).describe('Pods while autoscaling is off.'),
    resources: z
      .object({
        requests: quantities.optional().describe('What the scheduler reserves for a pod.'),
        limits: quantities.optional().describe('What a pod may use at most.'),
      })
      .optional()
      .describe('CPU and memory of a pod.'),
    autoscaling: autoscalingSpecSchema
      .optional()
      .describe('How the pool is sized. Absent: spec.replicas sets the size.'),
    drainPolicy: z
      .object({
        gracePeriod: drainText
          .default(DEFAULT_DRAIN_POLICY.gracePeriod)
          .describe('How long running jobs may go on before they are asked to stop.'),
        maxDrainTime: drainText
          .default(DEFAULT_DRAIN_POLICY.maxDrainTime)
          .describe('How long until jobs that still run are handed back.'),
      })
      .optional()
      .describe('How a pod drains. Absent: gracePeriod 30s, maxDrainTime 10m.')
      .meta(
        celRules({
          rule: 'duration(self.gracePeriod) <= duration(self.maxDrainTime)',
          message: 'gracePeriod must not be longer than maxDrainTime',
          messageExpression:
            "'gracePeriod (' + self.gracePeriod + ') must not be longer than maxDrainTime (' + self.maxDrainTime + ')'",
          fieldPath: '.gracePeriod',
        }),
      ),
    rollout: z
      .object({
        autoRollback: z
          .boolean()
          .optional()
          .describe('Roll back a version whose pods do not become ready within progressDeadline. Default: false.'),
        progressDeadline: drainText
          .optional()
          .describe('How long a rollout may make no progress before it counts as failed. Default: 10m.')
          .meta(
            celRules({
              rule: "duration(self) >= duration('10s')",
              message: 'must be at least 10s, because pods need time to start',
            }),
          ),
        maxSurge: countOrPercent
          .optional()
          .describe('Pods above the size during a rollout: a number or a percentage. Default: 25%.'),
      })
      .optional()
      .describe('How a new version is rolled out. No pod is removed before its successor is ready.'),
    disruptionBudget: z
      .object({
        maxUnavailable: countOrPercent.describe('Pods that may be evicted at once: a number or a percentage.'),
      })
      .optional()
      .describe('How many pods node drains may evict at once. Absent: 25%, rounded up.'),
    replaceStuck: z
      .boolean()
      .optional()
      .describe(
        'Replace a ready pod that has not spoken to the Redis of the queues for five minutes while another pod of the pool does: one at a time, within the PodDisruptionBudget, and not again before it has helped. For images of any library; not for workers that pause themselves or have a lockDuration of more than eight minutes. Needs autoscaling, the Helm value workers.replaceStuck, and a sampler that may read CLIENT LIST. Default: false.',
      ),
    template: z
      .looseObject({})
      .optional()
      .describe(
        'Partial pod template (metadata, spec), merged over what the controller builds; lists by their key, such as the name of a container. The container of the jobs is "worker".',
      )
      .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
  })
  .describe('Which workers run, for which queues, and how many.')
  .meta(
    celRules(
      {
        rule: 'self.concurrency >= size(self.queues)',
        message:
          'concurrency must be at least the number of queues, so that every queue gets a job in each pod; raise spec.concurrency or split spec.queues over several pools',
        fieldPath: '.concurrency',
      },
      {
        rule: '!has(self.replaceStuck) || !self.replaceStuck || (has(self.autoscaling) && self.autoscaling.enabled)',
        message:
          'replaceStuck needs spec.autoscaling.enabled, because the autoscaler sees who speaks to Redis; enable it, or take replaceStuck out',
        fieldPath: '.replaceStuck',
      },
      {
        rule: '!has(self.queueWeights) || self.queueWeights.all(name, name in self.queues)',
        message: 'queueWeights may name queues of spec.queues only; add the queue there, or take out its weight',
        fieldPath: '.queueWeights',
      },
    ),
  );

export const scalingSignalSchema = z.object({
  queue: z.string().describe('metadata.name of the Queue.'),
  depth: z.int().optional().describe('Jobs that are ready and wait. Absent: the queue could not be sampled.'),
  active: z.int().optional().describe('Jobs that run.'),
  arrivalRate: z.number().optional().describe('Jobs that become ready per second.'),
  forecastRate: z.number().optional().describe('Jobs per second that are expected one pod start time from now.'),
  serviceTimeMs: z.number().optional().describe('Mean run time of a job.'),
  waitP50Ms: z.number().optional().describe('Median of the waits, ready to started, of jobs that finished lately.'),
  waitP95Ms: z.number().optional().describe('Their 95th percentile; targetMetrics.latencyP95 is its target.'),
  waitP99Ms: z.number().optional().describe('Their 99th percentile.'),
  oldestAgeMs: z.number().optional().describe('Age of the job that is next in line.'),
  errorRate: z.number().optional().describe('Share of runs that failed, 0 to 1.'),
  wants: z.int().optional().describe('Replicas that this queue asks for.'),
});

const adviceSchema = z.object({
  concurrency: z.int().optional().describe('For spec.concurrency. Absent: it fits.'),
  resources: z
    .object({
      requests: amounts.optional().describe('CPU and memory; what is absent fits.'),
      limits: amounts.optional().describe('Memory; a CPU limit is never advised.'),
    })
    .optional()
    .describe('For spec.resources, with the concurrency advised. Absent: they fit.'),
  eventLoopLagMs: z
    .int()
    .optional()
    .describe('How long jobs wait for the event loop while handlers block it. Absent: for no longer than they should.'),
  message: z.string().max(1024).describe('What was measured, and what follows.'),
  pods: z.int().describe('Pods measured.'),
  since: z.string().meta({ format: 'date-time' }).describe('When the measurements began.'),
});

export const workerPoolStatusSchema = z.object({
  observedGeneration: observedGenerationSchema,
  conditions: conditionsSchema,
  replicas: z.int().optional().describe('Pods that exist.'),
  desiredReplicas: z.int().optional().describe("The Deployment's spec.replicas."),
  readyReplicas: z.int().optional().describe('Pods that are ready.'),
  selector: z.string().optional().describe('Label selector of the pods, for the scale subresource.'),
  currentVersion: z.string().optional().describe('The version whose pods run.'),
  lastGoodVersion: z.string().optional().describe('The last version whose pods all became ready.'),
  contractLevel: z
    .int()
    .optional()
    .describe(
      'The level of the pod contract that the pods say they keep: 1, or 2 for what @redis-queue/worker keeps. Known once they have run jobs of an autoscaled pool. Absent: they say none, as those of plain BullMQ.',
    ),
  rollout: z
    .object({
      version: z.string().describe('The version that is rolled out, or the one that was rolled back.'),
      phase: z
        .enum(['Progressing', 'Failed', 'RolledBack'])
        .describe('Progressing; Failed: no progress within the deadline; RolledBack: lastGoodVersion runs again.'),
      updatedReplicas: z.int().describe('Pods of the version.'),
      readyReplicas: z.int().describe('Pods that are ready, of any version.'),
      replicas: z.int().describe('Pods that are requested.'),
      startedAt: z.string().meta({ format: 'date-time' }).optional().describe('When it began.'),
      message: z.string().max(1024).optional().describe('What blocks the rollout.'),
    })
    .optional()
    .describe('The rollout that is under way or failed; absent once all pods run spec.version.'),
  podStartSeconds: z
    .int()
    .optional()
    .describe(
      'How long its pods take from their creation until they are ready: what nine of the last ten did not exceed, without those that waited for a node. The autoscaler looks that far ahead. Absent: none has started yet, or the image serves no probes.',
    ),
  replacement: z
    .object({
      pod: z.string().max(253).describe('Its name.'),
      time: z.string().meta({ format: 'date-time' }).describe('When it was deleted.'),
    })
    .optional()
    .describe('The pod that spec.replaceStuck replaced last. The next one has to wait until this has helped.'),
  blockedReplicas: z
    .object({
      rejected: z.int().optional().describe('Pods that the API server refuses: a quota, a limit range, a policy.'),
      unschedulable: z.int().optional().describe('Pods that no node has room for.'),
      crashLooping: z.int().optional().describe('Pods whose container exits again and again.'),
      imageFailing: z
        .int()
        .optional()
        .describe('Pods whose image cannot be pulled, or whose configuration is missing.'),
    })
    .optional()
    .describe(
      'Requested pods that cannot work; while they are most of the pool, are refused, or wait for a node for long, the autoscaler adds none.',
    ),
  autoscaling: z
    .object({
      desired: z.int().optional().describe('Pods that the last decision asked for.'),
      reason: z.string().max(2048).optional().describe('Why the pool has this size.'),
      heldBy: z.string().max(256).optional().describe('Why the size does not follow the demand: one word.'),
      sampledAt: z
        .string()
        .meta({ format: 'date-time' })
        .optional()
        .describe('When the data behind the decision was sampled.'),
      confidence: z.number().optional().describe('Share of the data behind the size that was measured, 0 to 1.'),
      cooldownUntil: z
        .string()
        .meta({ format: 'date-time' })
        .optional()
        .describe('The pool does not shrink before this time.'),
      lastScaleTime: z.string().meta({ format: 'date-time' }).optional().describe('When the size changed last.'),
      decision: z.string().max(64).optional().describe('epoch.sequence of the last decision.'),
      signals: z
        .array(scalingSignalSchema)
        .max(32)
        .optional()
        .describe('What was measured of each queue of the pool, and what it asks for.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      advice: adviceSchema
        .optional()
        .describe(
          'What measurements of the pods suggest for concurrency and resources; never applied automatically. Absent: too little is known, or the image does not report what it uses.',
        ),
      last: z
        .array(
          z.object({
            time: z.string().meta({ format: 'date-time' }),
            from: z.int(),
            to: z.int(),
            reason: z.string().max(1024),
          }),
        )
        .max(10)
        .optional()
        .describe('The last changes, newest first.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional()
    .describe('The last decision of the autoscaler and its reason.'),
});

/** The spec as stored: what the schema defaults is present. */
export type WorkerPoolSpec = z.output<typeof workerPoolSpecSchema>;
/** The spec as a user writes it. */
export type WorkerPoolSpecInput = z.input<typeof workerPoolSpecSchema>;
export type WorkerPoolStatus = z.infer<typeof workerPoolStatusSchema>;
export type AutoscalingSpec = z.output<typeof autoscalingSpecSchema>;
export type ScalingRules = z.infer<typeof scalingRulesSchema>;
export type PoolAdviceStatus = z.infer<typeof adviceSchema>;
export type ScalingSignal = z.infer<typeof scalingSignalSchema>;

export interface WorkerPool {
  apiVersion: typeof API_VERSION;
  kind: 'WorkerPool';
  metadata: ObjectMeta;
  spec: WorkerPoolSpec;
  status?: WorkerPoolStatus;
}

/** Whether its image serves probes. Without them Kubernetes calls a pod ready as soon as its container runs. */
export function hasProbes({ metadata }: Pick<WorkerPool, 'metadata'>): boolean {
  return metadata.annotations?.[PROBES_ANNOTATION] !== 'off';
}
