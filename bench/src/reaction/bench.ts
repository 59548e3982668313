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

/** A single run of 200 tries rests on two of them. */
const RUNS = 3;

const option = (value: number) => ({ type: 'string', default: String(value) }) as const;

/**
 * Runs one of the benches of reaction: reads the flags, prints a table of its runs with their medians and the JSON line,
 * and ends the process.
 */
export async function benchReaction(name: string, bench: ReactionBench): Promise<never> {
  const { tries, runs, pools, queues, busy, seed, ...others } = readArguments(bench.help, {
    tries: option(bench.tries),
    runs: option(RUNS),
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
    runs: Number(runs),
    seed: Number(seed),
    print: (line) => console.error(line),
  });
  const { p50Ms, p99Ms, barePatchP50Ms, barePatchP99Ms, p99RatioToBarePatch } = result;
  console.table({
    ...Object.fromEntries(result.runs.map((run, index) => [`run ${index + 1}`, run])),
    median: { p50Ms, p99Ms, barePatchP50Ms, barePatchP99Ms, p99RatioToBarePatch },
  });
  console.log(JSON.stringify({ bench: name, redis: place, ...result }));
  await stand[Symbol.asyncDispose]();
  process.exit(0);
}
