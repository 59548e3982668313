import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisOptionsFromEnvironment, runWorkers, type Handler } from '@redis-queue/worker';
import { emailSchema, failsByPlan, signature, type Email } from './email.ts';
import { ledgerIn } from './ledger.ts';

const redis = new Redis(redisOptionsFromEnvironment(process.env));
redis.on('error', () => undefined); // the worker's own connection logs it
const ledger = ledgerIn(redis);

const sendEmail: Handler = async (job, { signal }) => {
  const email = job.data as Email;
  await ledger.start(email.run, job.id!);
  const signed = signature(email.to, email.rounds);
  await sleep(email.sendMs, undefined, { signal });
  if (failsByPlan(email, job.attemptsMade + 1)) throw new Error('the mail server refused (planned)');
  signal.throwIfAborted();
  await ledger.effect(email.run, job.id!);
  return { signed };
};

await runWorkers({ handlers: { emails: sendEmail }, schemas: { emails: emailSchema } });
