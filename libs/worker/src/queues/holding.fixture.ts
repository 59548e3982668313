// A process that holds jobs, as the worker of a node:cluster if it is asked to; says its id and then blocks.
import cluster from 'node:cluster';
import { createLog } from '../log/log.ts';
import { openHolding } from './holding.ts';

if (cluster.isPrimary && process.env.TEST_CLUSTER) cluster.fork();
else {
  const log = createLog('warn', Date.now, (line) => process.stdout.write(line));
  const { id } = await openHolding('pod-0', log);
  process.stdout.write(`pid ${process.pid} holds as ${id}\n`, () =>
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000),
  );
}
