/** The test that shows what a field of a spec does. */
export interface Effect {
  readonly file: string;
  /** Its title; with `%s` where the rows of a table fill it. */
  readonly test: string;
  /** The row of the table that is about the field; absent: the file names the field. */
  readonly row?: string;
}

/** By the path of the field below `spec`, without the indices of lists. */
export type Effects = Readonly<Record<string, Effect>>;

const GOVERNED = 'apps/queue-controller/src/controller.integration.test.ts';
const LIMITED: Effect = {
  file: 'apps/queue-controller/src/limiter/rate-limit.integration.test.ts',
  test: 'greedy workers start at most max jobs per window, and rate · T + 2 · max in any time T, with %s',
};
const HELD: Effect = {
  file: GOVERNED,
  test: 'limits and pause are set, shown in the status, and reported by events',
};
const NAMED: Effect = {
  file: GOVERNED,
  test: 'a queue whose name is no legal spec.name is governed by it, under a prefix of two parts',
};
const LETTERS = 'apps/queue-controller/src/upkeep/dead-letters.integration.test.ts';
const UPKEEP = 'apps/queue-controller/src/upkeep/retention.integration.test.ts';
const POISON: Effect = {
  file: LETTERS,
  test: 'a poison job runs as often as maxRetries says, with its backoff, and lies in the dead-letter queue then',
};
const AGED: Effect = {
  file: UPKEEP,
  test: 'removes finished jobs that are older than their time, reports it, and ends with the field',
};
const CLAMPED: Effect = {
  file: UPKEEP,
  test: 'Clamp gives them the nearest declared one, and jobs without one the most urgent',
};
const OWN_SECRET: Effect = {
  file: 'libs/redis-access/src/resolve.test.ts',
  test: 'is read from the Secret of its own, and others keep the common one: %s',
};

const SCHEDULED: Effect = {
  file: 'apps/queue-controller/src/schedulers.integration.test.ts',
  test: 'schedulers are added and struck out as declared, those of others stay, and a flushed Redis gets them back',
};
const TEMPLATE = [
  'data',
  'opts.attempts',
  'opts.backoff.type',
  'opts.backoff.delay',
  'opts.backoff.jitter',
  'opts.priority',
  'opts.lifo',
  'opts.removeOnComplete.age',
  'opts.removeOnComplete.count',
  'opts.removeOnFail.age',
  'opts.removeOnFail.count',
  'opts.keepLogs',
  'opts.stackTraceLimit',
];
const TEMPLATED: Effect = {
  file: SCHEDULED.file,
  test: 'every option of a template reaches its jobs, as a client reads them',
};

const QUEUE: Effects = {
  name: {
    file: GOVERNED,
    test: 'of two objects for one queue the older governs, and the younger takes over when the older goes',
  },
  'rateLimits.maxJobsPerSecond': LIMITED,
  'rateLimits.burstCapacity': LIMITED,
  'redis.secretRef.name': { ...OWN_SECRET, row: 'secretRef:' },
  'redis.secretRefs.controller.name': { ...OWN_SECRET, row: 'REDIS_ROLES' },
  'redis.secretRefs.sampler.name': {
    file: GOVERNED,
    test: 'the sampler logs in with a Secret of its own, and the controller with the common one',
    row: 'sampler: {',
  },
  'redis.secretRefs.worker.name': {
    file: 'apps/workerpool-controller/src/queues/resolve.test.ts',
    test: 'gives the pods the Secret that is for workers, where there is one',
    row: 'worker: {',
  },
  'redis.secretRefs.backup.name': {
    file: 'apps/backup-controller/src/backups.integration.test.ts',
    test: 'logs in with the Secret of its role, to read for a backup and to write for a restore',
    row: 'backup: { name',
  },
  'redis.secretRefs.restore.name': {
    file: 'apps/backup-controller/src/backups.integration.test.ts',
    test: 'logs in with the Secret of its role, to read for a backup and to write for a restore',
    row: 'restore: { name',
  },
  'redis.tls.enabled': {
    file: 'libs/bullmq/src/connections/redis-secret.test.ts',
    test: 'TLS is spoken when the spec asks for it, with the private CA of the Secret',
  },
  'redis.tls.serverName': {
    file: 'apps/workerpool-controller/src/deployment/config.integration.test.ts',
    test: 'the name in the certificate of Redis reaches the pods',
  },
  'redis.tls.secretRef.name': {
    file: 'apps/queue-controller/src/access/client-certificate.integration.test.ts',
    test: 'is governed with the certificate of the Secret, and with a renewed one from then on, without a restart',
    row: 'secretRef: { name',
  },
  'redis.queueName': NAMED,
  'redis.prefix': NAMED,
  globalConcurrency: HELD,
  jobTimeout: {
    file: 'libs/worker/src/pod/job-timeout.integration.test.ts',
    test: 'fails, by its attempts, whether its handler stops or ignores its signal; others go on',
  },
  paused: HELD,
  priorities: CLAMPED,
  priorityPolicy: CLAMPED,
  'dlqPolicy.enabled': POISON,
  'dlqPolicy.maxRetries': POISON,
  'dlqPolicy.retentionDays': { file: LETTERS, test: 'letters older than retentionDays go, and others stay' },
  'retention.completedJobs': AGED,
  'retention.failedJobs': AGED,
  'retention.maxBytes': {
    file: UPKEEP,
    test: 'removes the oldest jobs of a queue that is over maxBytes, and says when nothing is left that may go',
  },
  'retention.maxEvents': {
    file: UPKEEP,
    test: 'shortens the stream of events, sets back what a producer set, and clears it with the field',
  },
  deletionPolicy: {
    file: 'apps/queue-controller/src/plan.test.ts',
    test: 'data is held by a finalizer before it is claimed, unless it is retained: %s with %j',
  },
  'schedulers.name': SCHEDULED,
  'schedulers.cron': SCHEDULED,
  'schedulers.every': SCHEDULED,
  'schedulers.timeZone': SCHEDULED,
  'schedulers.template.name': { ...TEMPLATED, row: "name: 'report'" },
  ...Object.fromEntries(TEMPLATE.map((path) => [`schedulers.template.${path}`, TEMPLATED])),
  retire: {
    file: SCHEDULED.file,
    test: 'a retired queue loses its schedulers, says what is left, and is drained once it stays empty',
  },
  adoptionPolicy: { file: GOVERNED, test: 'Observe plans in the status and writes nothing' },
};

const REDRIVES = 'apps/queue-controller/src/redrive/redrive.integration.test.ts';
const FILTERED: Effect = {
  file: REDRIVES,
  test: 'takes what its filter says, and a dry run says what that is and moves nothing',
};
const IN_LINE: Effect = {
  file: REDRIVES,
  test: 'goes after the older ones of its Queue, unless they are suspended, at its own rate',
};

const QUEUE_REDRIVE: Effects = {
  'queueRef.name': { file: REDRIVES, test: 'says what it waits for, and goes on by itself', row: "queue: 'late'" },
  'filter.jobName': FILTERED,
  'filter.failedReason': FILTERED,
  'filter.failedAfter': FILTERED,
  'filter.failedBefore': FILTERED,
  'filter.data.path': FILTERED,
  'filter.data.equals': FILTERED,
  maxJobsPerSecond: IN_LINE,
  maxJobs: { ...FILTERED, row: 'maxJobs: 5' },
  dryRun: FILTERED,
  suspend: IN_LINE,
  ttlSecondsAfterFinished: { file: REDRIVES, test: 'is deleted when its time is over' },
};

const BACKUPS = 'apps/backup-controller/src/backups.integration.test.ts';
const BACKUP_SOURCES = 'apps/backup-controller/src/access';
const SELECTED: Effect = {
  file: `${BACKUP_SOURCES}/select-queues.test.ts`,
  test: 'a selector selects as Kubernetes does: %s',
};
const IN_S3: Effect = {
  file: `${BACKUP_SOURCES}/storage-access.test.ts`,
  test: 'in S3: every field reaches the client, and the keys of its Secret are the credentials',
};
const ON_VOLUME: Effect = {
  file: `${BACKUP_SOURCES}/storage-access.test.ts`,
  test: 'on the volume lies in the folder of the namespace, below path where that is given',
};
const ENCRYPTED: Effect = {
  file: `${BACKUP_SOURCES}/storage-access.test.ts`,
  test: 'is the one of the Secret that encryption names, by the key that it names',
};
const IN_KMS: Effect = {
  file: BACKUPS,
  test: 'lies in a bucket under a key of AWS KMS, and is found by its folder alone, whatever became of the objects',
  row: 't.kmsKey',
};
/** Of a storage that is at `at`. */
const storageOf = (at: string): Effects => ({
  [`${at}storage.s3.bucket`]: IN_S3,
  [`${at}storage.s3.prefix`]: IN_S3,
  [`${at}storage.s3.region`]: IN_S3,
  [`${at}storage.s3.endpoint`]: IN_S3,
  [`${at}storage.s3.forcePathStyle`]: IN_S3,
  [`${at}storage.s3.secretRef.name`]: IN_S3,
  [`${at}storage.volume.path`]: ON_VOLUME,
  [`${at}encryption.secretRef.name`]: { ...ENCRYPTED, row: "name: 'keys'" },
  [`${at}encryption.secretRef.key`]: ENCRYPTED,
  [`${at}encryption.kms.keyId`]: IN_KMS,
  [`${at}encryption.kms.region`]: IN_KMS,
  [`${at}encryption.kms.endpoint`]: IN_KMS,
  [`${at}encryption.kms.secretRef.name`]: IN_KMS,
});
/** Of a storage that is written to. */
const WRITTEN_TO: Effects = {
  'storage.s3.serverSideEncryption.algorithm': IN_S3,
  'storage.s3.serverSideEncryption.kmsKeyId': IN_S3,
  'storage.s3.objectLock.mode': IN_S3,
  'storage.s3.objectLock.days': IN_S3,
};
const RUN_ONCE = 'apps/backup-controller/src/runs/stage.test.ts';
/** Of kinds whose objects run once. */
const LIFE: Effects = {
  activeDeadlineSeconds: {
    file: BACKUPS,
    test: 'that takes longer than activeDeadlineSeconds fails, and its run ends',
  },
  backoffLimit: { file: RUN_ONCE, test: 'is told by its reason and tried again, as often as backoffLimit says' },
  ttlSecondsAfterFinished: {
    file: RUN_ONCE,
    test: 'is deleted ttlSecondsAfterFinished after its end, not before and not without',
  },
};
const MOVED: Effect = {
  file: BACKUPS,
  test: 'moves queues to another Redis, dead letters and all: verified, and every job runs there once',
};
const RESUMED: Effect = { file: BACKUPS, test: 'is restored paused with resume: false, and resumed when that is set' };
const RESTARTED: Effect = {
  file: BACKUPS,
  test: 'whose controller ends is begun again by the next one, in a folder of its own; half of one does not stay',
};

const POINTS = 'apps/backup-controller/src/points/points.integration.test.ts';
const CHAINS = 'apps/backup-controller/src/points/chains.test.ts';
const BACK_TO_A_POINT: Effect = {
  file: POINTS,
  test: 'has what changed in each point, and gives back the queue as it was at any of them',
};

const QUEUE_BACKUP: Effects = {
  mode: BACK_TO_A_POINT,
  'incremental.every': { file: CHAINS, test: '%s', row: 'later than every says' },
  'incremental.fullEvery': { file: CHAINS, test: '%s', row: 'as old as fullEvery' },
  'incremental.keep': {
    file: CHAINS,
    test: 'goes when its newest point is older than keep, the oldest one first, and the newest chain never',
    row: "keep: '1h'",
  },
  'queues.names': MOVED,
  'queues.selector.matchLabels': SELECTED,
  'queues.selector.matchExpressions.key': SELECTED,
  'queues.selector.matchExpressions.operator': SELECTED,
  'queues.selector.matchExpressions.values': SELECTED,
  deadLetters: {
    file: 'apps/backup-controller/src/backups/observe.test.ts',
    test: 'takes dead letters along where the policy is enabled, unless deadLetters is false',
  },
  ...storageOf(''),
  ...WRITTEN_TO,
  jobsPerSecond: RESTARTED,
  ...LIFE,
  deletionPolicy: {
    file: BACKUPS,
    test: 'goes with its files where deletionPolicy is Delete, also while it is written, and leaves those of others',
  },
};

const SCHEDULES = 'apps/backup-controller/src/schedules/kind.test.ts';
const CHANGED: Effect = {
  file: SCHEDULES,
  test: 'that is changed counts from then on: times of the new one that have passed are neither taken nor skipped',
};
const RETAINED = 'apps/backup-controller/src/schedules/retention.test.ts';
const CREATED: Effect = {
  file: 'apps/backup-controller/src/schedules/schedules.integration.test.ts',
  test: 'takes its backups at their times, tells what became of them, and leaves them when it goes',
  row: 'spec).toEqual({ ...schedule.spec.template.spec',
};
/** What a template of a schedule does not have. */
const NOT_OF_TEMPLATE = /^(ttlSecondsAfterFinished|mode|incremental\..*)$/;
/** The template goes into backups as it stands, whatever it has. */
const TEMPLATE_OF_BACKUPS: Effects = Object.fromEntries(
  Object.keys(QUEUE_BACKUP)
    .filter((field) => !NOT_OF_TEMPLATE.test(field))
    .map((field) => [`template.spec.${field}`, CREATED]),
);
const DRILLS = 'apps/backup-controller/src/drills.integration.test.ts';
const DRILLED: Effect = {
  file: DRILLS,
  test: 'follows each backup of a schedule that asks for it, beside the queues, and its outcome is in the status',
};
/** It goes into drills as it stands. */
const SCRATCH_OF_DRILL: Effect = {
  file: 'apps/backup-controller/src/schedules/drills.test.ts',
  test: 'is a scratch restore of the newest backup, under a name of its own; it belongs to the schedule',
  row: "scratch: { secretRef: { name: 's' } }",
};
const QUEUE_BACKUP_SCHEDULE: Effects = {
  schedule: CHANGED,
  timeZone: CHANGED,
  startingDeadlineSeconds: {
    file: SCHEDULES,
    test: 'says that it waits for a backup that runs, until the deadline is over',
  },
  concurrencyPolicy: {
    file: 'apps/backup-controller/src/schedules/crash.test.ts',
    test: 'each slot has one backup, or is counted as skipped; and none that could be taken is skipped',
  },
  suspend: {
    file: SCHEDULES,
    test: 'is Suspended and begins nothing, and takes the newest one that passed when it goes on',
  },
  'retention.count': {
    file: RETAINED,
    test: 'that are more than the spec says, the oldest first; those that failed are counted by themselves',
  },
  'retention.maxAge': { file: RETAINED, test: 'that are too old, from their end on', row: 'maxAgeMs' },
  'retention.keepLastGood': {
    file: RETAINED,
    test: 'never the last good ones, and a failed, running or vanishing one does not replace them',
  },
  'verify.mode': DRILLED,
  'verify.every': {
    file: 'apps/backup-controller/src/schedules/due-drill.test.ts',
    test: 'waits until `every` is over since the last one, unless that failed',
  },
  'verify.scratch.prefix': SCRATCH_OF_DRILL,
  'verify.scratch.secretRef.name': SCRATCH_OF_DRILL,
  'verify.scratch.maxBytes': SCRATCH_OF_DRILL,
  'verify.jobsPerSecond': DRILLED,
  'verify.activeDeadlineSeconds': DRILLED,
  ...TEMPLATE_OF_BACKUPS,
};

const QUEUE_RESTORE: Effects = {
  'from.backup.name': { ...MOVED, row: "backup: { name: 'moved' }" },
  'from.backup.at': BACK_TO_A_POINT,
  ...storageOf('from.'),
  'from.directory': RESUMED,
  'queues.name': MOVED,
  'queues.to.queue': MOVED,
  deadLetters: {
    file: 'apps/backup-controller/src/restores/targets.test.ts',
    test: 'without their dead letters where deadLetters is false, unless those are named',
  },
  openFlows: {
    file: BACKUPS,
    test: 'of half of a flow is refused, or cuts the link, as openFlows says',
  },
  dryRun: MOVED,
  resume: RESUMED,
  'scratch.prefix': { file: DRILLS, test: 'that is deleted in the midst is removed first' },
  'scratch.secretRef.name': {
    file: DRILLS,
    test: 'restores every job where no Queue is, compares them, and leaves nothing; its times tell how long that takes',
  },
  'scratch.maxBytes': {
    file: DRILLS,
    test: 'is refused where Redis has no room for it, or maxBytes says less, and nothing is written',
  },
  jobsPerSecond: {
    file: BACKUPS,
    test: 'a restore whose controller ends is continued by the next one, and every job is there once',
  },
  ...LIFE,
};

const DEPLOYMENT = 'apps/workerpool-controller/src/deployment';
const SERVED: Effect = { file: `${DEPLOYMENT}/deployment.test.ts`, test: 'gives the pods what they serve' };
const RESOURCES: Effect = {
  file: `${DEPLOYMENT}/deployment.test.ts`,
  test: 'gives the worker the resources of the spec',
};
const PACED: Effect = {
  file: `${DEPLOYMENT}/template/template.integration.test.ts`,
  test: 'takes the time and the surge that the pool gives it',
};
const sized = (row: string): Effect => ({
  file: 'libs/scaling/src/spec-effects.test.ts',
  test: '%s changes the size',
  row: `'${row}'`,
});
/** The fields of `behavior.scaleUp` and `behavior.scaleDown`. */
const RULES = [
  'stabilizationWindowSeconds',
  'selectPolicy',
  'policies.type',
  'policies.value',
  'policies.periodSeconds',
  'tolerance',
];
const BEHAVIOR: Effects = Object.fromEntries(
  ['scaleUp', 'scaleDown'].flatMap((direction) =>
    RULES.map((rule) => [`autoscaling.behavior.${direction}.${rule}`, sized(`${direction}.${rule}`)]),
  ),
);

const WORKER_POOL: Effects = {
  image: { file: `${DEPLOYMENT}/deployment.test.ts`, test: 'takes a version for a tag, or for a digest' },
  version: {
    file: 'apps/workerpool-controller/src/controller.integration.test.ts',
    test: 'creates pods, reports when they are ready, and follows a new version',
  },
  queues: {
    file: 'apps/workerpool-controller/src/queues/resolve.test.ts',
    test: 'gives the pods every queue by its name in Redis and its prefix, in one order whatever the spec says',
  },
  queueWeights: {
    file: 'apps/workerpool-controller/src/queues/resolve.test.ts',
    test: 'gives the pods the weight of each queue that queueWeights gives another than 1',
  },
  replaceStuck: {
    file: 'apps/workerpool-controller/src/stuck/stuck-pods.integration.test.ts',
    test: 'a pod that does not speak to Redis is replaced, and no second one before that has helped',
  },
  concurrency: SERVED,
  replicas: {
    file: 'apps/workerpool-controller/src/plan.test.ts',
    test: 'without autoscaling follows spec.replicas and keeps the fence',
  },
  'resources.requests': RESOURCES,
  'resources.limits': RESOURCES,
  'autoscaling.enabled': {
    file: 'libs/scaling/src/pool-spec.test.ts',
    test: 'is not for us while autoscaling is absent or off',
  },
  'autoscaling.minReplicas': sized('minReplicas'),
  'autoscaling.maxReplicas': sized('maxReplicas'),
  'autoscaling.targetMetrics.queueDepth': sized('targetMetrics.queueDepth'),
  'autoscaling.targetMetrics.latencyP95': sized('targetMetrics.latencyP95'),
  ...BEHAVIOR,
  'drainPolicy.gracePeriod': SERVED,
  'drainPolicy.maxDrainTime': {
    file: `${DEPLOYMENT}/deployment.test.ts`,
    test: 'gives a pod %s and 15 s more before it is killed',
  },
  'rollout.autoRollback': {
    file: `${DEPLOYMENT}/rollout.integration.test.ts`,
    test: 'is rolled back with autoRollback, stays so, and the next one is tried',
  },
  'rollout.progressDeadline': PACED,
  'rollout.maxSurge': PACED,
  'disruptionBudget.maxUnavailable': {
    file: `${DEPLOYMENT}/disruption-budget.integration.test.ts`,
    test: 'protects the pods from the start, follows the spec and belongs to the pool',
  },
  template: {
    file: `${DEPLOYMENT}/template/template.integration.test.ts`,
    test: 'reaches the pods as it stands, and what the API server writes otherwise is no drift',
  },
};

/** For each kind, which test shows what each of its fields does. A new field is added here, with the test for it. */
export const EFFECTS: Readonly<Record<string, Effects>> = {
  Queue: QUEUE,
  QueueBackup: QUEUE_BACKUP,
  QueueBackupSchedule: QUEUE_BACKUP_SCHEDULE,
  QueueRedrive: QUEUE_REDRIVE,
  QueueRestore: QUEUE_RESTORE,
  WorkerPool: WORKER_POOL,
};
