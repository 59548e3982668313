import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { killWithThisProcess } from '@redis-queue/rig';
import type { Launch } from './controllers.ts';

/** How long a process may take to end before it is killed, ms: a controller gives its Lease back first. */
const END_MS = 10_000;

export interface Running {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches us alone and we end it in order.
 * It is sent SIGTERM when `signal` aborts, and killed after 10 s or when this process is gone.
 *
 * @param onLine gets each line of both of its outputs.
 */
export function startSource(
  { command, args, env }: Pick<Launch, 'command' | 'args' | 'env'>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Running {
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid !== undefined) killWithThisProcess(child.pid);
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  };
  signal.addEventListener('abort', end, { once: true });
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      onLine(`cannot be started: ${error.message}`);
      resolve();
    });
    child.once('close', (code, killedBy) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (!signal.aborted) onLine(`ended with ${killedBy ?? code}`);
      resolve();
    });
  });
  if (signal.aborted) end();
  return { ended };
}
