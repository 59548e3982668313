import { execFile } from 'node:child_process';
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
