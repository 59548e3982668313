import { setTimeout as sleep } from 'node:timers/promises';
import { handle, type CheckedHandler } from '@redis-queue/worker';
import { Email, failsByPlan, signature } from './email.ts';
import type { Ledger } from './ledger.ts';

/**
 * The handler of the queue `emails`: computes, waits for the mail server, and records the effect as the last thing it
 * does.
 */
export function createSendEmail(ledger: Ledger): CheckedHandler<Email, { signed: string }> {
  return handle(Email, async (job, { signal }) => {
    const { to, run, sendMs, rounds } = job.data;
    await ledger.start(run, job.id!);
    const signed = signature(to, rounds);
    await sleep(sendMs, undefined, { signal }); // as fetch: rejects when the pod has to leave
    if (failsByPlan(job.data, job.attemptsMade + 1)) throw new Error('the mail server refused (planned)');
    signal.throwIfAborted();
    await ledger.effect(run, job.id!);
    return { signed };
  });
}
