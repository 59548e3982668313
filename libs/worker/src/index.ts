export { runWorkers, type RunOptions } from './run.ts';
export { startWorkers, type Handlers, type Schemas, type Workers, type WorkersOptions } from './workers.ts';
export { workerConfigFromEnvironment, type WorkerConfig, type WorkerEnvironment, type WorkerQueue } from './config.ts';
export { redisOptionsFromEnvironment, type RedisEnvironment } from './redis-env.ts';
export { JobStopped, type Handler, type JobContext } from './handler.ts';
export type { StandardSchema } from './job-data.ts';
export { createLog, type Log, type LogFields, type LogLevel } from './log.ts';
export type { Job } from 'bullmq';
