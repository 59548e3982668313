import { benchReaction } from './bench.ts';

// 200 pools live: every tenth works on jobs all the time, the others are at zero and woken one after the other.
await benchReaction('reaction-200', {
  help: 'usage: make bench NAME=reaction-200 [ARGS="--tries=200 --runs=3 --pools=200 --queues=200 --busy=20 --seed=1"]\n',
  tries: 200,
  pools: 200,
  queues: 200,
  busyPools: 20,
});
