// A worker of plain BullMQ that connects as docs/redis-topologies.md says.
import { Worker } from 'bullmq';
import { connection } from './plain-connection.fixture.ts';

const [served] = JSON.parse(process.env.RQ_QUEUES!) as { name: string; prefix: string }[];
const worker = new Worker(served!.name, () => Promise.resolve('by plain BullMQ'), {
  connection: connection(),
  prefix: served!.prefix,
});
worker.on('error', (error) => process.stdout.write(`${error.message}\n`));
