import { connectRedis, runWorkers } from '@redis-queue/worker';
import { ledgerIn } from './ledger.ts';
import { createSendEmail } from './send-email.ts';

await runWorkers({ handlers: { emails: createSendEmail(ledgerIn(connectRedis())) } });
