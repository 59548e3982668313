import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname } from 'node:path';

export interface Step {
  name: string;
  command: [string, ...string[]];
  cwd: string;
  env?: Record<string, string>;
  /** It leaves the processors to the steps beside it. */
  yields?: boolean;
  /** Everything the step prints goes here. */
  logFile: string;
  /** What to do when the step fails, for the person who reads it. */
  remedy: string;
}

export interface StepResult {
  step: Step;
  ok: boolean;
  seconds: number;
  /** The last lines it printed, shown when it failed. */
  tail: string[];
}

const HEARTBEAT_MS = 15_000;
const TAIL_LINES = 150;

/** Runs one step, its output to a log file; while it runs, prints every 15 s how long it has and what it last said. */
export async function runStep(step: Step, print: (line: string) => void): Promise<StepResult> {
  mkdirSync(dirname(step.logFile), { recursive: true });
  const log = createWriteStream(step.logFile);
  const started = performance.now();
  const elapsed = (): number => Math.round((performance.now() - started) / 100) / 10;
  const tail: string[] = [];
  let rest = '';

  const [program, ...args] = step.command;
  const child = spawn(program, args, {
    cwd: step.cwd,
    env: { ...process.env, ...step.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Without a process id it did not start: `error` says why.
  if (step.yields && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const collect = (chunk: Buffer): void => {
    log.write(chunk);
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    tail.push(...lines);
    tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const heartbeat = setInterval(() => {
    const last = tail.findLast((line) => line.trim() !== '') ?? '';
    print(`  … ${step.name} ${elapsed()} s  ${last.trim().slice(0, 100)}`);
  }, HEARTBEAT_MS);
  const ok = await new Promise<boolean>((resolve) => {
    child.on('error', (error) => {
      tail.push(`${program}: ${error.message}`);
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
  clearInterval(heartbeat);
  if (rest) tail.push(rest);
  await new Promise((resolve) => log.end(resolve));
  return { step, ok, seconds: elapsed(), tail };
}
