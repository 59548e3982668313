import { join } from 'node:path';
import { PYTHON, pythonPackages, workspaceRoot } from '@redis-queue/rig';
import type { Subject } from './stage.ts';

/** Where a job's data has the time that it takes. */
const MS = '@ms';

/**
 * The image under test from what a user gives: its command, the queues that it has handlers for, and the data of a job
 * as JSON with `@ms` where it says how long the job takes.
 *
 * @throws Error that says what is wrong with the job.
 */
export function subjectOf(command: string, queues: string, jobText: string): Subject {
  if (!jobText.includes(MS)) throw new Error(`JOB has no ${MS} where its data says how long the job takes: ${jobText}`);
  const job = (ms: number): object =>
    JSON.parse(jobText.replaceAll(`"${MS}"`, String(ms)).replaceAll(MS, String(ms))) as object;
  try {
    job(1);
  } catch (error) {
    throw new Error(`JOB is not JSON: ${jobText}`, { cause: error });
  }
  return { command, queues: queues.split(','), job };
}

/** The job of the example images: an email that takes so long to send. */
export const EXAMPLE_JOB = '{"to":"ada@example.com","run":"conformance","rounds":0,"sendMs":@ms}';

const EXAMPLE_QUEUES = 'emails,receipts';

export function exampleWorker(): Subject {
  return subjectOf(
    `${process.execPath} ${join(workspaceRoot, 'examples/worker/src/main.ts')}`,
    EXAMPLE_QUEUES,
    EXAMPLE_JOB,
  );
}

export async function examplePythonWorker(): Promise<Subject> {
  const folder = join(workspaceRoot, 'examples/python-worker');
  const packages = await pythonPackages(join(folder, 'requirements.txt'));
  const env = `env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${folder}:${packages}`;
  return subjectOf(`${env} ${PYTHON} ${join(folder, 'worker.py')}`, EXAMPLE_QUEUES, EXAMPLE_JOB);
}

/** A worker of plain BullMQ as docs/pod-contract.md writes it. */
export function plainWorker(): Subject {
  const file = join(import.meta.dirname, 'plain-worker.ts');
  return subjectOf(`${process.execPath} ${file}`, EXAMPLE_QUEUES, EXAMPLE_JOB);
}
