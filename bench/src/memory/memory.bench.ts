import { setTimeout as sleep } from 'node:timers/promises';
import { APP_NAMES } from '@redis-queue/rig';
import { measureIdle } from '../measuring/resident.ts';
import { buildApps, startStand, type RunningApp } from '../stand/stand.ts';

// Idle memory of each bundled app with the charts' Node flags: a real API server and Redis, one Queue and one
// WorkerPool.
const SETTLE_MS = 20_000;
const SAMPLES = 15;

console.error('building the apps');
await buildApps();
await using stand = await startStand();
await stand.applyQueueAndPool('idle');
const apps: RunningApp[] = [];
for (const app of APP_NAMES) apps.push(await stand.startApp(app));
// the pool has its Deployment: the controllers have worked, not merely started
await stand.controlPlane.kubectl('wait', '-n', stand.namespace, 'deployment/idle', '--for=create', '--timeout=30s');
console.error(`settling for ${SETTLE_MS / 1000} s, then ${SAMPLES} samples a second apart`);
await sleep(SETTLE_MS);
const controllers = await measureIdle(apps, SAMPLES);
console.table(controllers);
console.log(JSON.stringify({ bench: 'memory', controllers }));
await Promise.all(apps.map(({ process }) => process.stop()));
