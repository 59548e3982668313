export { runWorkers, type RunOptions } from './run.ts';
export { startWorkers, type Handlers, type PoolWorker, type Workers, type WorkersOptions } from './workers/workers.ts';
export type { WorkerOptions } from './queues/worker-options.ts';
export {
  workerConfigFromEnvironment,
  type WorkerConfig,
  type WorkerEnvironment,
  type WorkerQueue,
} from './environment/config.ts';
export { redisOptionsFromEnvironment, type RedisEnvironment } from './environment/redis-env.ts';
export { connectRedis } from './environment/connect-redis.ts';
export type { PodRedis } from './redis/open-redis.ts';
export { handle, JobStopped } from './jobs/handler.ts';
export type {
  CheckedHandler,
  FileHandler,
  Handler,
  HandlerWithOptions,
  InProcessHandler,
  JobContext,
  QueueHandler,
} from './jobs/handler.ts';
export type { StandardSchema, SchemaResult } from './jobs/job-data.ts';
export { createLog, type Log, type LogFields, type LogLevel } from './log/log.ts';
export type { Job, Telemetry } from 'bullmq';
