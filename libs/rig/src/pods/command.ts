import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { killWithThisProcess } from '@redis-queue/rig';

/** A program with its leading arguments. */
export interface Command {
  program: string;
  args: string[];
}

/** Runs a command to its end and returns its standard output; throws with its standard error. */
export function run({ program, args }: Command, more: string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 256 * 1024 * 1024 };
    const child = execFile(program, [...args, ...more], options, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${more.slice(0, 6).join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Calls `onLine` for each line of a command that goes on until `signal`; starts it again when it ends before. */
export function follow(command: Command, more: string[], onLine: (line: string) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const child = spawn(command.program, [...command.args, ...more], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.pid !== undefined) killWithThisProcess(child.pid);
  createInterface({ input: child.stdout }).on('line', onLine);
  const end = (): void => void child.kill();
  signal.addEventListener('abort', end, { once: true });
  child.once('close', () => {
    signal.removeEventListener('abort', end);
    if (!signal.aborted) setTimeout(() => follow(command, more, onLine, signal), RESTART_MS).unref();
  });
  child.once('error', () => undefined);
}

const RESTART_MS = 250;
