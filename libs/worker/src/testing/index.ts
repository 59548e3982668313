export { runJob, type JobRun, type LogLine, type RunJobOptions } from './run-job.ts';
export { drainQueues, type DrainedQueues, type DrainQueuesOptions } from './drain-queues.ts';
