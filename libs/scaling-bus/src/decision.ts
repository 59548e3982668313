import { MAX_TIME_MS } from '@redis-queue/bullmq';
import { z } from 'zod';

/** What this release writes. Readers take every 1.x: a new minor only adds optional fields. */
export const SCHEMA_VERSION = '1.5';
const SUPPORTED_MAJOR = '1';

const count = z.int().min(0);
/** Milliseconds since 1970 by the clock of the bus's Redis, which publisher and consumer share; readers write it as a date. */
const redisTimeMs = z.int().min(0).max(MAX_TIME_MS);

/** What was measured of one of the pool's queues. A field that is absent was not measured; it is not 0. */
export const decisionSignalSchema = z.object({
  /** `metadata.name` of the Queue. */
  queue: z.string().min(1).max(253),
  /** Ready jobs: waiting, prioritized, overdue. */
  depth: count.optional(),
  /** Jobs that run. */
  active: count.optional(),
  /** Jobs per second. */
  arrivalRate: z.number().min(0).optional(),
  /** Jobs per second that are expected one pod start time from now. */
  forecastRate: z.number().min(0).optional(),
  serviceTimeMs: z.number().min(0).optional(),
  waitP50Ms: z.number().min(0).optional(),
  waitP95Ms: z.number().min(0).optional(),
  waitP99Ms: z.number().min(0).optional(),
  /** Age of the job that is next in line. */
  oldestAgeMs: z.number().min(0).optional(),
  /** Failed attempts ÷ attempts, 0..1. */
  errorRate: z.number().min(0).max(1).optional(),
  /** Replicas that this queue asks for. */
  wants: count.optional(),
  /**
   * For how long no job has left the line although ready pods have free slots and nothing known keeps jobs from starting;
   * absent: jobs leave it, or need not. Since 1.3.
   */
  notConsumedMs: z.number().min(0).optional().catch(undefined),
  /** How many slots those are. Since 1.3. */
  freeSlots: count.optional().catch(undefined),
});

const amounts = z.record(z.string().min(1).max(63), z.string().min(1).max(32));

/** Advice from measurements on the pool's spec; for people, never applied. What is absent fits. Since 1.1. */
export const decisionAdviceSchema = z.object({
  /** Slots per pod. */
  concurrency: z.int().min(1).max(1_000).optional(),
  resources: z.object({ requests: amounts.optional(), limits: amounts.optional() }).optional(),
  /** How long jobs wait for the event loop that handlers block; absent: for no longer than they should. Since 1.2. */
  eventLoopLagMs: count.optional(),
  message: z.string().min(1).max(1_024),
  /** Pods measured. */
  pods: count,
  /** Since when they were measured, by the clock of the queues' Redis. */
  since: redisTimeMs,
});

/** A pod with handlers that go on although their jobs have failed by jobTimeout. Since 1.2. */
const stuckPodSchema = z.object({
  pod: z.string().min(1).max(253),
  handlers: z.int().min(1),
  /** Slots of the pod; each of the handlers has taken one for good. */
  slots: z.int().min(1),
});
/** Most pods that a decision names. */
export const MOST_STUCK_PODS = 50;

/** Most addresses of clients that a decision holds: about 25 KB. */
export const MOST_CLIENTS = 1_000;
const clientsSchema = z.union([
  /** Whole seconds since each address last spoke to the Redis of the queues. */
  z.object({
    idleSeconds: z
      .record(z.string().min(1).max(64), count)
      .refine((addresses) => Object.keys(addresses).length <= MOST_CLIENTS),
  }),
  /** Why that is not known. */
  z.object({ unknown: z.string().min(1).max(1_024) }),
]);

/** One decision of the autoscaler on one pool: absolute and dated, holds included. */
export const scalingDecisionSchema = z.object({
  /** `<major>.<minor>`. */
  schemaVersion: z.string().regex(/^1\.[0-9]+$/),
  pool: z.object({
    namespace: z.string().min(1).max(63),
    name: z.string().min(1).max(253),
    uid: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
    /** `metadata.generation` of the spec that was decided on. */
    generation: count,
  }),
  /** Redis time when the publisher became leader; with `sequence` it orders decisions. */
  epoch: redisTimeMs,
  sequence: count,
  sampledAt: redisTimeMs,
  /** From this time on the decision is dropped. */
  expiresAt: redisTimeMs,
  /** Size that the decision started from. */
  currentReplicas: count,
  /** Size that the pool should have; equal to `currentReplicas` for a hold. */
  desiredReplicas: count.max(10_000),
  /** A sentence for `kubectl describe`. */
  reason: z.string().min(1).max(2048),
  /** Why nothing changes: stale data, error rate, cooldown… */
  heldBy: z.string().min(1).max(256).optional(),
  signals: z.array(decisionSignalSchema).max(32),
  /** How far the data can be trusted, 0..1. */
  confidence: z.number().min(0).max(1),
  cooldownUntil: redisTimeMs.optional(),
  /** The pool would be larger without a limit; `reason` names it. */
  safetyLimitHit: z.boolean().optional(),
  /** On scale-in: pod name → active jobs, so that idle pods go first. */
  busy: z.record(z.string(), count).optional(),
  /** For how many seconds those jobs have run in all, by the same names. Since 1.5. */
  busySeconds: z.record(z.string(), count).optional().catch(undefined),
  /**
   * Absent: too little was measured, which does not withdraw advice that was given before. Advice that is not
   * understood is left out instead of refusing the decision.
   */
  advice: decisionAdviceSchema.optional().catch(undefined),
  /** The level of the pod contract that all pods of the spec's version say they keep. Absent: they say none. Since 1.2. */
  contractLevel: count.optional().catch(undefined),
  /** Absent: there are none. */
  stuckHandlers: z.array(stuckPodSchema).max(MOST_STUCK_PODS).optional().catch(undefined),
  /**
   * Why a Redis of the pool does not notify of new jobs, so that the pool wakes up to a second late; absent: it notifies.
   * Since 1.2.
   */
  polled: z.string().min(1).max(1_024).optional().catch(undefined),
  /** Who speaks to the Redis of the queues, for a pool with replaceStuck; absent: not asked. Since 1.4. */
  clients: clientsSchema.optional().catch(undefined),
});

export type ScalingDecision = z.infer<typeof scalingDecisionSchema>;
export type DecisionAdvice = z.infer<typeof decisionAdviceSchema>;
export type SpeakingClients = z.infer<typeof clientsSchema>;
export type StuckPod = z.infer<typeof stuckPodSchema>;
export type DecisionSignal = z.infer<typeof decisionSignalSchema>;

export type ParsedDecision =
  | { readonly ok: true; readonly decision: ScalingDecision }
  | {
      readonly ok: false;
      readonly reason: 'unknown-version' | 'malformed';
      readonly message: string;
      /** The pool that a payload of another major speaks of, if it names one as every major so far has. */
      readonly pool?: NamedPool;
    };

export type NamedPool = Pick<ScalingDecision['pool'], 'namespace' | 'name' | 'uid'>;

/**
 * Reads a payload of the bus, of this release or another. Unknown fields are ignored, another major is refused: its
 * fields may mean something else.
 */
export function parseDecision(payload: unknown): ParsedDecision {
  const version = (payload as { schemaVersion?: unknown } | null | undefined)?.schemaVersion;
  if (typeof version === 'string' && /^[0-9]+\.[0-9]+$/.test(version) && version.split('.')[0] !== SUPPORTED_MAJOR) {
    return {
      ok: false,
      reason: 'unknown-version',
      message: `The autoscaler speaks schemaVersion ${version.slice(0, 20)} of the bus and this controller only ${SUPPORTED_MAJOR}.x; upgrade the workerpool-controller`,
      ...namedPool(payload),
    };
  }
  const parsed = scalingDecisionSchema.safeParse(payload);
  if (parsed.success) return { ok: true, decision: parsed.data };
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'payload'}: ${issue.message}`);
  return { ok: false, reason: 'malformed', message: faults.slice(0, 5).join('; ') };
}

/** Only what has the form of a name: nothing else of another major is trusted. */
function namedPool(payload: unknown): { pool: NamedPool } | undefined {
  const { namespace, name, uid } = scalingDecisionSchema.shape.pool.shape;
  const parsed = z.object({ pool: z.object({ namespace, name, uid }) }).safeParse(payload);
  return parsed.success ? { pool: parsed.data.pool } : undefined;
}

/** Whether the decision must no longer be acted on at `nowMs`, the bus's Redis time. */
export function isExpired(decision: Pick<ScalingDecision, 'expiresAt'>, nowMs: number): boolean {
  return nowMs >= decision.expiresAt;
}
