import { benchReaction } from './bench.ts';

// 5,000 queues on 2,000 pools: every twentieth pool works on jobs all the time, the others are at zero.
await benchReaction('reaction-5000', {
  help: 'usage: make bench NAME=reaction-5000 [ARGS="--tries=200 --runs=3 --pools=2000 --queues=5000 --busy=100 --seed=1"]\n',
  tries: 200,
  pools: 2_000,
  queues: 5_000,
  busyPools: 100,
  // Its writes for 2,000 Deployments would take longer than all else here, and no size needs them.
  controllerManager: false,
});
