import { connectRedis, runWorkers } from '@redis-queue/worker';
import { ledgerIn } from './ledger.ts';
import { createSendEmail } from './send-email.ts';

const sendEmail = createSendEmail(ledgerIn(connectRedis()));

await runWorkers({ handlers: { emails: sendEmail, receipts: sendEmail } });
