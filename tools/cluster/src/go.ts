import { spawn } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import { createInterface } from 'node:readline';

export interface GoOptions {
  /** Folder of compiled packages; the user's own by default. */
  cache?: string;
  /**
   * Gets each line of standard error, such as the name of a package that begins to be compiled (`-v`), and returns
   * whether that is what it was, so that it is not taken for an error.
   */
  onLine?: (line: string) => boolean;
}

/**
 * Runs the Go toolchain in `cwd` and returns what it printed on standard output.
 *
 * @throws with the end of what it wrote to standard error.
 */
export function go(args: string[], cwd: string, { cache, onLine }: GoOptions = {}): Promise<string> {
  const child = spawn('go', args, {
    cwd,
    env: {
      ...compilerMemory(),
      ...process.env,
      // For all of them, so that they share the packages that Go has compiled.
      CGO_ENABLED: '0',
      PATH: `${process.env.PATH}:/usr/local/go/bin`,
      GOTOOLCHAIN: 'local',
      ...(cache && { GOCACHE: cache }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (stdout += chunk));
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!onLine?.(line)) stderr = `${stderr}${line}\n`.slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error('the Go toolchain is missing: install Go ≥ 1.26', { cause })));
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`go ${args.join(' ')} failed (${code}):\n${stderr || stdout.slice(-4_000)}`));
    });
  });
}

const GIB = 2 ** 30;

/**
 * Most packages compile within a few hundred MiB, so a compiler that never collects garbage takes 5 % less CPU. Each one
 * (there is one per core) collects again when it comes near its part of the memory; with less than 1 GiB each, all
 * of them collect as usual.
 */
function compilerMemory(): NodeJS.ProcessEnv {
  const perCompiler = Math.min(4 * GIB, totalmem() / (availableParallelism() + 1));
  if (perCompiler < GIB) return {};
  return { GOGC: 'off', GOMEMLIMIT: `${Math.floor(perCompiler)}B` };
}
