import { setTimeout as sleep } from 'node:timers/promises';

// What the machine makes of work while the apps share it: 50 ms of it, as much as an app has at most in one turn of its
// event loop, begun twice per second in a process that does nothing else. Prints how many ms each time lasted.
const WORK_MS = 50;
const EVERY_MS = 500;

for (;;) {
  const beganMs = performance.now();
  const endUs = cpuUs() + WORK_MS * 1000;
  while (cpuUs() < endUs);
  console.log((performance.now() - beganMs).toFixed(1));
  // oxlint-disable-next-line no-await-in-loop
  await sleep(EVERY_MS);
}

/** CPU time of this thread, us. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
