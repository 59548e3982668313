// A processor that BullMQ runs in a process or thread of its own: does what its job's data say.
import { DelayedError, RATE_LIMIT_ERROR, UnrecoverableError, type SandboxedJob } from 'bullmq';

interface Data {
  returns?: unknown;
  fails?: string;
  tells?: boolean;
  exit?: number;
  delayMs?: number;
  unrecoverable?: boolean;
  limit?: boolean;
  waits?: boolean;
}

export default async function run(job: SandboxedJob<Data>, token: string, signal: AbortSignal): Promise<unknown> {
  const { returns, fails, tells, exit, delayMs, unrecoverable, limit, waits } = job.data;
  if (tells) {
    await job.updateProgress(30);
    job.log('a row');
    await job.updateData({ returns: 'changed' });
  }
  if (exit !== undefined) process.exit(exit);
  if (fails !== undefined) throw new Error(fails);
  if (unrecoverable) throw new UnrecoverableError('never');
  if (limit) {
    await job.updateData({});
    throw new Error(RATE_LIMIT_ERROR);
  }
  if (delayMs !== undefined) {
    await job.updateData({});
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  }
  if (waits) {
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await job.updateProgress('waits');
    await aborted;
    throw new Error(`aborted: ${String(signal.reason)}`);
  }
  return returns;
}
