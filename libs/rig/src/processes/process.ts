import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { killWithThisProcess, removeWithThisProcess } from './guardian.ts';
import { PATIENCE } from '../waiting/patience.ts';

export interface ProcessOptions {
  cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Where its output goes instead of into `lines`. */
  logFile?: string;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A child process that dies with this one. */
export interface ChildHandle extends AsyncDisposable {
  readonly pid: number;
  /** Lines of its standard output so far. */
  readonly stdout: readonly string[];
  /** Lines of its standard error so far. */
  readonly stderr: readonly string[];
  /** Both, in the order they arrived. */
  readonly lines: readonly string[];
  /** Resolves when it has ended; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** The first line, past or future, that matches. Rejects when the process ends or the time is over; default 10 s. */
  waitForLine(pattern: RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** Sends the signal; default SIGTERM. Await `exited` to know that it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** Sends the signal (default SIGKILL) and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<ProcessExit>;
}

/** Starts a program and collects its lines. It is killed when this process ends, also by SIGKILL. */
export function startProcess(command: string, args: string[], options: ProcessOptions = {}): ChildHandle {
  const log = options.logFile === undefined ? undefined : openSync(options.logFile, 'a');
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
  });
  if (log !== undefined) closeSync(log);
  if (child.pid !== undefined) killWithThisProcess(child.pid);

  const stdout: string[] = [];
  const stderr: string[] = [];
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const collect = (into: string[]) => (line: string) => {
    into.push(line);
    lines.push(line);
    for (const listener of listeners) listener(line);
  };
  if (child.stdout) createInterface({ input: child.stdout }).on('line', collect(stdout));
  if (child.stderr) createInterface({ input: child.stderr }).on('line', collect(stderr));

  let spawnError: Error | undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('error', (error) => {
      spawnError = error;
      resolve({ code: null, signal: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): void => void child.kill(signal);
  const stop = (signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit> => {
    kill(signal);
    return exited;
  };

  const waitForLine = (pattern: RegExp, { timeoutMs = 10_000 } = {}): Promise<string> => {
    const seen = lines.find((line) => pattern.test(line));
    if (seen !== undefined) return Promise.resolve(seen);
    const failure = (why: string): Error =>
      new Error(`${command}: no line like ${String(pattern)}: ${why}; its last lines:\n${lines.slice(-15).join('\n')}`);
    const waitMs = timeoutMs * PATIENCE;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        listeners.delete(listener);
        finish();
      };
      const listener = (line: string): void => {
        if (pattern.test(line)) settle(() => resolve(line));
      };
      const timer = setTimeout(() => settle(() => reject(failure(`${waitMs} ms are over`))), waitMs);
      listeners.add(listener);
      void exited.then(({ code, signal }) =>
        settle(() => reject(failure(spawnError?.message ?? `it ended with ${signal ?? code}`))),
      );
    });
  };

  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    lines,
    exited,
    waitForLine,
    kill,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** A folder of our own under the system's temporary folder, removed when this process ends. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `redis-queue-${name}-`));
  removeWithThisProcess(folder);
  return folder;
}
