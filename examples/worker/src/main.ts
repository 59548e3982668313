import { Redis } from 'ioredis';
import { redisOptionsFromEnvironment, runWorkers } from '@redis-queue/worker';
import { ledgerIn } from './ledger.ts';
import { createSendEmail } from './send-email.ts';

const redis = new Redis(redisOptionsFromEnvironment(process.env));
redis.on('error', () => undefined); // the worker's own connection logs it

const sendEmail = createSendEmail(ledgerIn(redis));

await runWorkers({ handlers: { emails: sendEmail, receipts: sendEmail } });
