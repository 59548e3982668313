import { join } from 'node:path';
import { loadKubeClient } from '@redis-queue/controller';
import { startProcess } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import { hundredths } from '../measuring/percentile.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runArm, type ArmResult } from './arm.ts';
import type { HostileRedis } from './hostile-servers.ts';
import { createTenant, removeTenant, type Tenant } from './tenants.ts';

// Good tenants alone, then beside eight as big as those to come that do no harm, then beside eight whose Redis does: how
// long their changes, their first jobs and their counts take, and what the apps need meanwhile. A real API server and
// Redis; the apps are bundled, with the charts' Node flags.
const HELP =
  'usage: make bench NAME=neighbours [ARGS="--good=50 --hostile-queues=20 --tries=400 --seconds=240 --seed=1"]\n';
const HOSTILE_TENANTS = 8;
const GOALS = { ratioApplied: 1.5, ratioWake: 1.5, maxSampledAgeS: 90, rssMib: 128, maxLoopLagMs: 200 };

const values = readArguments(HELP, {
  good: { type: 'string', default: '50' },
  'hostile-queues': { type: 'string', default: '20' },
  tries: { type: 'string', default: '400' },
  seconds: { type: 'string', default: '240' },
  seed: { type: 'string', default: '1' },
});
const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);
const print = (line: string): void => console.error(line);

print('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
const good: Tenant[] = [];
for (const queue of numbered('good', Number(values.good))) {
  const secret = { 'redis-url': stand.redis.url };
  good.push(await createTenant(client, stand.controlPlane, { prefix: 'good', secret, queues: [queue] }));
}
const shared = { stand, client, good, tries: Number(values.tries), seconds: Number(values.seconds), print };
const arm = (neighbours: readonly Tenant[]): Promise<ArmResult> =>
  runArm({ ...shared, neighbours, seed: Number(values.seed) });

print('the good tenants alone');
const alone = await arm([]);
show({ alone });

// What as many tenants cost that do no harm: a machine with two cores is shared with their API requests too.
const harmless: Tenant[] = [];
for (const prefix of numbered('harmless', HOSTILE_TENANTS)) {
  const secret = { 'redis-url': stand.redis.url };
  const own = numbered(prefix, Number(values['hostile-queues']));
  harmless.push(await createTenant(client, stand.controlPlane, { prefix, secret, queues: own }));
}
print(`beside ${harmless.length} harmless tenants of ${values['hostile-queues']} queues each`);
const crowded = await arm(harmless);
show({ alone, crowded });
for (const tenant of harmless) await removeTenant(client, tenant);

const queues = numbered('hostile', Number(values['hostile-queues']));
const hostile: Tenant[] = [];
await using servers = startProcess(process.execPath, [join(import.meta.dirname, 'serve-hostile.ts'), ...queues]);
for (const { kind, secret } of JSON.parse(await servers.waitForLine(/^\[/)) as HostileRedis[]) {
  const prefix = kind.toLowerCase().replaceAll(' ', '-');
  hostile.push(await createTenant(client, stand.controlPlane, { prefix, secret, queues }));
}
print(`beside ${hostile.length} hostile tenants of ${queues.length} queues each`);
const beside = await arm(hostile);
show({ alone, crowded, beside });

const result = {
  ratioApplied: hundredths(beside.appliedP99Ms / alone.appliedP99Ms),
  ratioWake: hundredths(beside.wakeP99Ms / alone.wakeP99Ms),
  ratioAppliedToHarmless: hundredths(beside.appliedP99Ms / crowded.appliedP99Ms),
  ratioWakeToHarmless: hundredths(beside.wakeP99Ms / crowded.wakeP99Ms),
  // What the machine itself makes of an API request beside the eight: where it forbids the goal, it is the limit.
  ratioBarePatch: hundredths(beside.barePatchP99Ms / alone.barePatchP99Ms),
  maxSampledAgeS: beside.maxSampledAgeS,
  rssMib: beside.rssMib,
  maxLoopLagMs: beside.maxLoopLagMs,
  bareWorkMs: beside.bareWorkMs,
};
console.log(JSON.stringify({ bench: 'neighbours', ...result, goals: GOALS, alone, crowded, beside }));
await client.close();

function show(arms: Record<string, ArmResult>): void {
  for (const [name, { loopLags }] of Object.entries(arms)) {
    print(`greatest lags of event loops, ${name}`);
    console.table(loopLags);
  }
  const names = Object.keys(Object.values(arms)[0]!).filter((name) => name !== 'loopLags');
  console.table(arms, names);
}
