import { APP_NAMES } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { measureBeside, type AppUse } from './growth.ts';
import { measureLargePools } from './large-pools.ts';

// Memory of each bundled app on a real API server and Redis: with nothing, with 1,000 and with 10,000 objects of each
// kind, and its CPU at rest; and at its peak with pools as large as the API server takes them. With the charts' Node
// flags, but for the heap beside the many objects, which is the one that charts/README.md gives for them.
const HELP = 'usage: make bench NAME=memory [ARGS="--some=1000 --many=10000 --heap=256"]\n';
const GOALS = { at1000Mib: 110, perThousandMib: 10, idleCpuMillicores: 20 };
const CHART_HEAP_MIB = 80;
const SETTLE_MS = 20_000;
const AT_REST = { settleMs: SETTLE_MS, samples: 15, cpuMs: 60_000 };

const values = readArguments(HELP, {
  some: { type: 'string', default: '1000' },
  many: { type: 'string', default: '10000' },
  heap: { type: 'string', default: '256' },
});
const [some, many] = [Number(values.some), Number(values.many)];
const print = (line: string): void => console.error(line);

print('building the apps');
await buildApps();
const hostile = await withLargePools();
await using stand = await startStand();
const atRest = { ...AT_REST, heapMib: CHART_HEAP_MIB, print };
const idle = await measureBeside(stand, '', { ...atRest, objects: 0 });
const atSome = await measureBeside(stand, 'some-', { ...atRest, objects: some });
const atMany = await measureBeside(stand, 'many-', { ...atRest, objects: many - some, heapMib: Number(values.heap) });

const useOf = (uses: readonly AppUse[], app: string): AppUse => uses.find(({ name }) => name === app)!;
const controllers = APP_NAMES.map((name) => ({
  name,
  idleMib: useOf(idle, name).mib,
  at1000Mib: useOf(atSome, name).mib,
  at10000Mib: useOf(atMany, name).mib,
  idleCpuMillicores: useOf(atSome, name).cpuMillicores,
  cpuMillicoresAt10000: useOf(atMany, name).cpuMillicores,
}));
console.table(controllers);
console.log(JSON.stringify({ bench: 'memory', some, many, controllers, hostile, goals: GOALS }));

async function withLargePools(): Promise<{ name: string; peakMib: number }[]> {
  print('pools of 1 MB come while the apps run, then the apps start anew');
  await using apart = await startStand();
  const peaks = await measureLargePools(apart, SETTLE_MS);
  console.table(peaks);
  return peaks;
}
