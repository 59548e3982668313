import { Redis } from 'ioredis';
import { redisOptionsFromEnvironment, runWorkers } from '@redis-queue/worker';
import { ledgerIn } from './ledger.ts';
import { createSendEmail } from './send-email.ts';

const redis = new Redis(redisOptionsFromEnvironment(process.env));
redis.on('error', () => undefined); // the worker's own connection logs it

await runWorkers({ handlers: { emails: createSendEmail(ledgerIn(redis)) } });
