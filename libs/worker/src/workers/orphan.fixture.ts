// A process of a pod that runs its jobs in a file.
import { createLog } from '../log/log.ts';
import { startWorkers } from './workers.ts';

const { TEST_QUEUE: name = '', TEST_PORT } = process.env;
startWorkers({
  config: {
    queues: [{ queue: name, name, prefix: 'bull' }],
    concurrency: 1,
    pool: '',
    namespace: '',
    version: '',
    podName: 'pod-0',
    gracePeriodMs: 0,
    maxDrainTimeMs: 1_000,
    httpPort: 0,
  },
  redis: { port: Number(TEST_PORT), maxRetriesPerRequest: null },
  handlers: { [name]: new URL('file.fixture.ts', import.meta.url) },
  log: createLog('warn', Date.now, (line) => process.stdout.write(line)),
  usage: false,
});
