import { existsSync } from 'node:fs';
import { eventually, startProcess } from '@redis-queue/rig';
import { expect, it } from 'vitest';
import { createLog } from '../log/log.ts';
import { openHolding } from './holding.ts';

const LOG = createLog('error', Date.now, () => undefined);
const SAYS = { timeoutMs: 30_000 };

/** A process that blocks as long as it lives, and the one of a cluster that started it. */
async function holder(env: Record<string, string> = {}) {
  const child = startProcess(process.execPath, [`${import.meta.dirname}/holding.fixture.ts`], { env });
  const [, pid, id] = /^pid (\d+) holds as (\S+)$/.exec(await child.waitForLine(/holds as/, SAYS))!;
  return { child, pid: Number(pid), id: id! };
}

it.concurrent('a process of the pod is dead from its end on, not before: neither blocked, nor frozen', async () => {
  const { child, id } = await holder();
  const own = await openHolding('pod-0', LOG);
  child.kill('SIGSTOP');
  // more than ever fit in the line that the kernel keeps for it
  expect(await Promise.all(Array.from({ length: 700 }, () => own.isDead(id)))).not.toContain(true);
  await child.stop('SIGKILL');
  expect(await own.isDead(id)).toBe(true);
});

it.concurrent('a process of a cluster is not dead because its primary is', async ({ onTestFailed }) => {
  const { child, pid, id } = await holder({ TEST_CLUSTER: '1' });
  onTestFailed(() => void process.kill(pid, 'SIGKILL'));
  const own = await openHolding('pod-0', LOG);
  child.kill('SIGKILL');
  // not `exited`: that is told once its output is closed, which the other process has as well
  await eventually(() => !existsSync(`/proc/${child.pid}`), SAYS);
  expect(await own.isDead(id)).toBe(false);
  process.kill(pid, 'SIGKILL');
  await child.exited;
  await eventually(async () => await own.isDead(id), SAYS);
});
