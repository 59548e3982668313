import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { cpus, setPriority } from 'node:os';
import { promisify } from 'node:util';

/**
 * Redis on the first core, before whatever else runs there, and its clients on the others, as one would deploy it: its
 * log of slow scripts measures wall time, and a script that waits for its core would look slow.
 */
export async function coreEach(redisPid: number, clientPids: readonly number[]): Promise<void> {
  // Not `availableParallelism`, which counts those that this process was left with by an earlier call.
  const last = cpus().length - 1;
  if (last === 0) return;
  const pin = promisify(execFile);
  await pin('taskset', ['-apc', '0', String(redisPid)]);
  try {
    setPriority(redisPid, -20);
  } catch {
    // Not as root, its figures are worse.
  }
  for (const pid of clientPids) await pin('taskset', ['-apc', `1-${last}`, String(pid)]);
}

/** As the 50m that charts request beside workers with a processor: of a core that is wanted by both it gets little. */
const NICE_OF_CONTROLLER = 13;

/** Gives each thread of a controller what its chart requests of a core that it shares with saturated workers. */
export async function weighAsRequested(pid: number): Promise<void> {
  for (const thread of await readdir(`/proc/${pid}/task`)) setPriority(Number(thread), NICE_OF_CONTROLLER);
}
