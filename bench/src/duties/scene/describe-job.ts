import type { Job } from 'bullmq';

/** A job by its name and what it came to. */
export async function describeJob(job: Job): Promise<{ id: string } & Record<string, unknown>> {
  const { id, name, data, attemptsMade, attemptsStarted, stalledCounter, failedReason, returnvalue, progress } = job;
  return {
    id: id!,
    name,
    data: data as unknown,
    state: await job.getState(),
    attemptsMade,
    attemptsStarted,
    stalledCounter,
    failedReason,
    returnvalue: returnvalue as unknown,
    progress,
    stacktraces: job.stacktrace?.length ?? 0,
    processedBy: job.processedBy,
  };
}
