import { execFile } from 'node:child_process';

/**
 * Runs a program to its end, or ends it after `timeoutMs`, and returns its standard output.
 * @throws with its standard error.
 */
export function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
  timeoutMs = 0,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, maxBuffer: 64 * 1024 * 1024, timeout: timeoutMs }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.killed) stderr += `\nended after ${timeoutMs / 1000} s`;
      const said = stderr.trim().split('\n').slice(-15).join('\n');
      return reject(new Error(`${command} ${args.join(' ')}: ${said || error.message}`, { cause: error }));
    });
  });
}

/** As `run`, for what may already be done: undefined when it fails. */
export function attempt(command: string, args: string[]): Promise<string | undefined> {
  return run(command, args).catch(() => undefined);
}
