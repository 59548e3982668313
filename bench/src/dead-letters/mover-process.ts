import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { compileFilter, redriveStep, settleFailedJobs, type LetterCursor, type RedisCall } from '@redis-queue/bullmq';
import { MAX_RETRIES, QUEUE, REDRIVE } from './poison.ts';

// Settles failed jobs and puts every third dead letter back, round by round, until it is killed.
const redis = new Redis(process.env['REDIS_URL'] ?? '');
const call: RedisCall = (use) => use(redis);
const filter = compileFilter({ data: { path: '$.third', equals: 'true' } });
if ('problem' in filter) throw new Error(filter.problem);
console.log('ready');
for (let cursor: LetterCursor | undefined; ;) {
  const fence = { queueMark: '', deadLetterMark: '', untilMs: Date.now() + 10_000 };
  const round = await settleFailedJobs(call, QUEUE, {
    maxRetries: MAX_RETRIES,
    fence,
    pages: 5,
    random: Math.random,
  });
  const step = await redriveStep(call, QUEUE, { name: REDRIVE, filter, fence }, cursor);
  cursor = typeof step === 'string' || step.done ? undefined : step.cursor;
  // Nothing to do, so that the workers have the machine.
  if (round.moved + round.retried === 0) await sleep(20);
}
