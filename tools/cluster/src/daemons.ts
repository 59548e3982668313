import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, processStartTime, type Launch } from '@redis-queue/rig';
import { isAlive, type ProcessId } from './state.ts';

/**
 * Starts components that outlive this process. Each is recorded in `folder/pids` as soon as it exists, its output goes
 * to `folder/logs`.
 *
 * @param prefix put before each command, such as `nsenter …`; it must exec, so that the pid stays the component's.
 */
export function daemonLauncher(folder: string, prefix: string[], env: NodeJS.ProcessEnv): Launch {
  const pids = join(folder, 'pids');
  const logs = join(folder, 'logs');
  for (const each of [pids, logs]) mkdirSync(each, { recursive: true });
  return (name, command) => {
    const logFile = join(logs, `${name}.log`);
    const log = openSync(logFile, 'a');
    const [program = '', ...args] = [...prefix, ...command];
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env, cwd: folder });
    closeSync(log);
    child.unref();
    let failure: string | undefined;
    child.on('error', (error) => (failure = error.message));
    const pid = child.pid ?? -1;
    const id: ProcessId = { pid, startTime: processStartTime(pid) ?? '' };
    writeFileSync(join(pids, `${name}.json`), JSON.stringify(id));
    return { ended: () => (isAlive(id) ? undefined : `${failure ?? 'it ended'}; its last lines:\n${tail(logFile)}`) };
  };
}

export function recordedDaemons(folder: string): { name: string; id: ProcessId }[] {
  const pids = join(folder, 'pids');
  let files: string[];
  try {
    files = readdirSync(pids);
  } catch {
    return [];
  }
  return files.flatMap((file) => {
    try {
      return [{ name: file.replace('.json', ''), id: JSON.parse(readFileSync(join(pids, file), 'utf8')) as ProcessId }];
    } catch {
      return []; // cut off while it was written: the process is found by its namespace
    }
  });
}

/** SIGKILL (kube-apiserver takes up to a minute on SIGTERM while watches are open), and waits until they are gone. */
export async function killProcesses(ids: ProcessId[]): Promise<void> {
  const alive = ids.filter(isAlive);
  for (const { pid } of alive) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ended by itself meanwhile
    }
  }
  await eventually(() => !alive.some(isAlive), { timeoutMs: 15_000, description: 'killed processes to end' });
}

/** Processes for which `matches` is true, other than this one. */
export function findProcesses(matches: (pid: number) => boolean): ProcessId[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && matches(pid))
    .flatMap((pid) => {
      const startTime = processStartTime(pid);
      return startTime === undefined ? [] : [{ pid, startTime }];
    });
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Inode of the network namespace that a process is in, or of a named one under /run/netns. */
export function networkNamespace(of: number | string): number | undefined {
  try {
    return statSync(typeof of === 'number' ? `/proc/${of}/ns/net` : `/run/netns/${of}`).ino;
  } catch {
    return undefined;
  }
}

export function tail(file: string, lines = 15): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
