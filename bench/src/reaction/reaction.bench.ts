import { benchReaction } from './bench.ts';

// One pool, woken repeatedly: what the path itself takes, with nothing else to do.
await benchReaction('reaction', {
  help: 'usage: make bench NAME=reaction [ARGS="--tries=30 --runs=3 --redis=server|sentinel|cluster"]\n',
  tries: 30,
  pools: 1,
  queues: 1,
  busyPools: 0,
  // At once back to zero, because the same pool is woken again.
  scaleDownWindowSeconds: 0,
});
