export { runWorkers, type RunOptions } from './run.ts';
export { startWorkers, type Handlers, type Workers, type WorkersOptions } from './workers.ts';
export { workerConfigFromEnvironment, type WorkerConfig, type WorkerEnvironment, type WorkerQueue } from './config.ts';
export { redisOptionsFromEnvironment, type RedisEnvironment } from './redis-env.ts';
export { handle, JobStopped } from './handler.ts';
export type { CheckedHandler, Handler, JobContext, QueueHandler } from './handler.ts';
export type { StandardSchema, SchemaResult } from './job-data.ts';
export { createLog, type Log, type LogFields, type LogLevel } from './log.ts';
export type { Job, Telemetry } from 'bullmq';
