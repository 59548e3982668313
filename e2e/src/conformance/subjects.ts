import type { Subject } from './stage.ts';

/** Where a job's data has the time that it takes. */
const MS = '@ms';

/**
 * What the image under test is asked to do, from what a user gives: the queues that it has handlers for, and the data of
 * a job as JSON with `@ms` where it says how long the job takes.
 *
 * @throws Error that says what is wrong with the job.
 */
export function subjectOf(queues: string, jobText: string): Subject {
  if (!jobText.includes(MS)) throw new Error(`JOB has no ${MS} where its data says how long the job takes: ${jobText}`);
  const job = (ms: number): object =>
    JSON.parse(jobText.replaceAll(`"${MS}"`, String(ms)).replaceAll(MS, String(ms))) as object;
  try {
    job(1);
  } catch (error) {
    throw new Error(`JOB is not JSON: ${jobText}`, { cause: error });
  }
  return { queues: queues.split(','), job };
}

/** The job of the example images: an email that takes so long to send. */
export const EXAMPLE_JOB = '{"to":"ada@example.com","run":"conformance","rounds":0,"sendMs":@ms}';

/** What all examples are asked to do. */
export const EXAMPLE = subjectOf('emails,receipts', EXAMPLE_JOB);
