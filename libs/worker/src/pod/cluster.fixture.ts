// A worker pod of two processes: node:cluster starts one again when it has ended.
import cluster from 'node:cluster';

cluster.setupPrimary({ exec: `${import.meta.dirname}/pod.fixture.ts` });
cluster.fork();
cluster.fork();
cluster.on('exit', () => void cluster.fork());
