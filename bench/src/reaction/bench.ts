import { readArguments } from '../command-line/arguments.ts';
import type { FleetSpec } from '../fleet/fleet.ts';
import { runReaction } from './run.ts';
import { REDIS_PLACES } from '../stand/queues-redis.ts';
import { buildApps, startStand } from '../stand/stand.ts';

/** What sets the benches of reaction apart; numbers are defaults of the flags. */
export interface ReactionBench extends FleetSpec {
  help: string;
  tries: number;
  busyPools: number;
  /** See `StandOptions`; default true. */
  controllerManager?: boolean;
}

const option = (value: number) => ({ type: 'string', default: String(value) }) as const;

/** Runs one of the benches of reaction: reads the flags, prints a table and the JSON line, and ends the process. */
export async function benchReaction(name: string, bench: ReactionBench): Promise<never> {
  const { tries, pools, queues, busy, seed, ...others } = readArguments(bench.help, {
    tries: option(bench.tries),
    pools: option(bench.pools),
    queues: option(bench.queues),
    busy: option(bench.busyPools),
    seed: option(1),
    redis: { type: 'string', default: 'server' },
  });
  const place = REDIS_PLACES.find((each) => each === others.redis);
  if (!place) throw new Error(`--redis=${others.redis} is none of ${REDIS_PLACES.join(', ')}`);
  // Their busy queues are in one server.
  if (place !== 'server' && Number(busy) > 0) throw new Error('--redis needs --busy=0');
  console.error('building the apps, starting an API server and Redis');
  await buildApps();
  const stand = await startStand({ controllerManager: bench.controllerManager ?? true, place });
  const result = await runReaction(stand, {
    ...bench,
    pools: Number(pools),
    queues: Number(queues),
    busyPools: Number(busy),
    tries: Number(tries),
    seed: Number(seed),
    print: (line) => console.error(line),
  });
  const { n, p50Ms, p99Ms, barePatchP50Ms, barePatchP99Ms } = result;
  console.table({
    reaction: { n, p50Ms, p99Ms },
    'bare patch': { n, p50Ms: barePatchP50Ms, p99Ms: barePatchP99Ms },
  });
  console.log(JSON.stringify({ bench: name, redis: place, ...result }));
  await stand[Symbol.asyncDispose]();
  process.exit(0);
}
