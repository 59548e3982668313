/** A wall-clock or monotonic instant in milliseconds; one clock for all calls of one pool. */
export type Instant = number;

/** One HPA v2 policy: at most `value` pods, or percent of the pods, within the period. */
export interface StepPolicy {
  readonly type: 'Pods' | 'Percent';
  readonly value: number;
  readonly periodMs: number;
}

/** HPA v2 scaling rules with every default resolved. */
export interface ScalingRulesView {
  readonly stabilizationWindowMs: number;
  readonly selectPolicy: 'Max' | 'Min' | 'Disabled';
  /** Empty: no limit on a step. */
  readonly policies: readonly StepPolicy[];
  /** Relative change that is too small to act on. */
  readonly tolerance: number;
}

/** What sizing needs to know of a pool's spec; see `poolSpecView`. */
export interface PoolSpecView {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Jobs a pod runs at once: its slots. */
  readonly concurrency: number;
  /** Ready jobs per replica. */
  readonly queueDepthTarget?: number;
  /** Wait, ready to started, that 95 % of the jobs should not exceed. Absent: only the depth matters. */
  readonly waitTargetMs?: number;
  readonly scaleUp: ScalingRulesView;
  readonly scaleDown: ScalingRulesView;
  /**
   * How long pods are kept that were started for a line which was worked off, or for short jobs that are done. Absent:
   * for the whole stabilisation window, as in HPA; so it is absent wherever the spec names a window.
   */
  readonly burstWindowMs?: number;
  /** How long jobs that run may go on in a pod that is let go; then they are handed back, and begin anew. */
  readonly maxDrainMs: number;
}

/** Estimates from the recent past of a queue. Absent is no data, never 0. */
export interface QueueEstimates {
  /** Jobs that become ready per second, over the averaging time. */
  readonly arrivalRate?: number;
  /** A rise that `arrivalRate` does not show yet: what comes now, in jobs per second, and for how long it has. */
  readonly rise?: { readonly ratePerSecond: number; readonly lastedMs: number };
  /** Time over which `arrivalRate` averages, ms. */
  readonly arrivalMemoryMs?: number;
  /** Squared coefficient of variation of the arrivals; 1 is Poisson. */
  readonly arrivalScv?: number;
  /** Jobs that became ready since the sample before. */
  readonly newArrivals?: number;
  readonly serviceTimeMs?: number;
  readonly serviceTimeSource?: 'finished' | 'flow';
  /** Squared coefficient of variation of the service time; 1 is exponential, 0 constant. */
  readonly serviceScv?: number;
  /** The longest of the jobs that finished lately. */
  readonly longestServiceMs?: number;
  /** Of jobs that were due by the times of `dueBy`, the shares that had become ready then. */
  readonly announcedCame?: readonly number[];
  /** Waits of recently finished first attempts, ms. */
  readonly waitMs?: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Share of recently finished jobs that failed for good, 0..1. */
  readonly errorRate?: number;
  /** Jobs behind `errorRate`. */
  readonly finishedJobs?: number;
  /**
   * Arrivals in jobs per second that are expected one pod start time from now, and how much of the growth in such
   * forecasts has come true.
   */
  readonly forecast?: { readonly ratePerSecond: number; readonly confidence: number };
  /** Jobs that a schedule seen in the past will add within a pod's start time, and how regularly it has. */
  readonly expectedBurst?: {
    readonly inMs: number;
    readonly jobs: number;
    /** Over which they come; absent: at once. */
    readonly lastsMs?: number;
    readonly periodMs: number;
    readonly confidence: number;
  };
}

/** Jobs that are due within a time from now. */
export interface DueJobs {
  readonly withinMs: number;
  readonly jobs: number;
}

/** One queue as sampled. Counts are the queue's; `share` says which part of it is this pool's. */
export interface QueueLoad {
  /** metadata.name of the Queue. */
  readonly queue: string;
  readonly sampledAtMs: Instant;
  /** Waiting, prioritized, overdue and legacy-paused jobs. */
  readonly ready: number;
  readonly active: number;
  /** Delayed jobs due within a pod's start time. */
  readonly dueSoon: number;
  /** When they are: how many within some times, in their order. Absent: all of them now. */
  readonly dueBy?: readonly DueJobs[];
  /** Active jobs whose worker is gone: only a running worker brings them back. Among `active`. */
  readonly orphaned?: number;
  /** How long the job next in line has been ready. */
  readonly headAgeMs?: number;
  readonly paused: boolean;
  /** Jobs per second that may start, over all workers. */
  readonly rateLimitPerSecond?: number;
  readonly globalConcurrency?: number;
  /** For how long a rate limit still runs: the queue's, one in workers' own options, or one that a handler asked for. */
  readonly limitedForMs?: number;
  /** This pool's part of the queue's work, 0..1; see `shareOfQueue`. */
  readonly share: number;
  readonly estimates: QueueEstimates;
}

/** A queue of the pool that could not be sampled, and why. */
export interface UnseenQueue {
  readonly queue: string;
  readonly unseen: 'QueueMissing' | 'SensorFailed';
  /** For people, without secrets. */
  readonly message: string;
}

export type QueueObservation = QueueLoad | UnseenQueue;

export interface PoolObservation {
  /** The Deployment's spec.replicas. */
  readonly currentReplicas: number;
  /** Pods that take jobs; absent: not known. */
  readonly readyReplicas?: number;
  /** Pods count as ready without a proof that they fetch: they have no readiness probe of the pod contract. */
  readonly readyUnproven?: boolean;
  readonly queues: readonly QueueObservation[];
  /** Whether more pods would be refused by the API server. */
  readonly quotaExhausted?: boolean;
  /** Pods that no node has room for. */
  readonly unschedulablePods?: number;
  /** How long a node autoscaler may take to bring the node for which they wait; absent: 5 min. */
  readonly nodeStartMs?: number;
  /** Pods that crash again and again, or cannot start. */
  readonly failingPods?: number;
  /** Pods that run jobs; absent: not known. It is asked for where a pool could shrink whose jobs may outlast a drain. */
  readonly busyPods?: number;
  /** The Redis of its queues is at its limit: it answers slowly, or is about to refuse writes for lack of memory. */
  readonly redisSaturated?: boolean;
  /** The size up to which the Redis of its queues has connections for its pods; absent: not known, or no limit. */
  readonly connectableReplicas?: number;
}

/** Why the size does not follow the demand. */
export type Hold =
  | 'SensorFailed'
  | 'StaleData'
  | 'QueueMissing'
  | 'NoHistory'
  | 'LowConfidence'
  | 'WaitOverTarget'
  /** Pods hold jobs that may run for longer than they would be given: to let them go would throw work away. */
  | 'LongJobs'
  | 'Panic'
  | 'StabilizationWindow'
  | 'StepLimit'
  | 'Disabled'
  | 'JobsFailing'
  | 'QuotaExhausted'
  | 'Unschedulable'
  | 'PodsFailing'
  /** Redis is at its limit: more workers would only add load. */
  | 'RedisSaturated'
  /** Redis takes so many connections, and has none for more pods. */
  | 'ConnectionsExhausted';

/** The numbers behind a decision, one entry per queue. */
export interface QueueSignal {
  readonly queue: string;
  readonly depth?: number;
  readonly active?: number;
  readonly arrivalRate?: number;
  readonly forecastRate?: number;
  readonly serviceTimeMs?: number;
  readonly waitP50Ms?: number;
  readonly waitP95Ms?: number;
  readonly waitP99Ms?: number;
  readonly oldestAgeMs?: number;
  readonly errorRate?: number;
  /** Replicas that this queue alone asks for. */
  readonly wants?: number;
  /** For how long no job has left its line although ready pods have free slots; absent: jobs leave it, or must not. */
  readonly notConsumedMs?: number;
  /** How many slots those are. */
  readonly freeSlots?: number;
}

export interface Decision {
  readonly desired: number;
  /** A sentence for people. */
  readonly reason: string;
  /** Why the size does not follow the demand, or why the demand is not known. */
  readonly heldBy?: Hold;
  readonly signals: readonly QueueSignal[];
  /** 0..1: how much of what the size rests on was measured. */
  readonly confidence: number;
  /** Until when the pool will not shrink, whatever is observed. */
  readonly cooldownUntilMs?: Instant;
  /** The demand was larger than maxReplicas. */
  readonly safetyLimitHit: boolean;
}

interface Proposal {
  readonly atMs: Instant;
  readonly replicas: number;
}

/** What is remembered of a queue whose jobs wait; see `watchFreeSlots`. Times are of the samples. */
export interface FreeSlotsWatch {
  readonly atMs: Instant;
  /** When a line was seen last. */
  readonly lineAtMs: Instant;
  /** Jobs in service, averaged over some seconds. */
  readonly served: number;
  /** How many pods were ready in the last seconds: newest last, strictly increasing. */
  readonly ready: readonly { readonly atMs: Instant; readonly pods: number }[];
  /** Since when slots have been free beside the line, and since when none has been. */
  readonly freeSinceMs?: Instant | undefined;
  readonly fullSinceMs?: Instant | undefined;
  /** The most slots to ask for, until more are tried. */
  readonly ceiling?:
    | {
        readonly slots: number;
        readonly untilMs: Instant;
        readonly holdMs: number;
        /** More have been tried since slots were free last. */
        readonly tried: boolean;
      }
    | undefined;
  /** A ceiling of this line has turned out to be none. */
  readonly disproved?: boolean;
}

/** What is remembered of a queue whose jobs could start; see `watchConsumption`. Times are of the samples. */
export interface ConsumptionWatch {
  readonly atMs: Instant;
  /** Since when no job has started. */
  readonly sinceMs: Instant;
  readonly ready: number;
  readonly active: number;
  /** Slots of the pool that are free. */
  readonly freeSlots: number;
}

/** What decisions remember of a pool. Lost on a restart, which holds the pool's size until it is filled again. */
export interface PolicyState {
  /** Since when proposals are gap-free. */
  readonly sinceMs: Instant;
  readonly decidedAtMs?: Instant;
  /** Proposals that can still be the largest of the scale-in window: newest last, strictly decreasing. */
  readonly highs: readonly Proposal[];
  /** Proposals that can still be the smallest of the scale-out window: newest last, strictly increasing. */
  readonly lows: readonly Proposal[];
  /** Sizes that the arrivals alone asked for, stored like `highs`. */
  readonly lasting: readonly Proposal[];
  /** Observed changes of the size within the longest policy period. */
  readonly changes: readonly { readonly atMs: Instant; readonly delta: number }[];
  readonly observedReplicas?: number;
  /** When the size last grew, and when it last was 0. */
  readonly grewAtMs?: Instant;
  readonly zeroAtMs?: Instant;
  readonly panicUntilMs?: Instant;
  /** Pods that no node has room for, and since when there have been no fewer. */
  readonly unschedulable?: { readonly pods: number; readonly sinceMs: Instant };
  /** By queue. */
  readonly freeSlots: Readonly<Record<string, FreeSlotsWatch>>;
  /** By queue. */
  readonly consumption: Readonly<Record<string, ConsumptionWatch>>;
}

export function isSeen(queue: QueueObservation): queue is QueueLoad {
  return !('unseen' in queue);
}
