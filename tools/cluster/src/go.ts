import { spawn } from 'node:child_process';

/**
 * Runs the Go toolchain in `cwd` and returns what it printed on standard output.
 *
 * @throws with the end of what it said.
 */
export function go(args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn('go', args, {
    cwd,
    env: {
      ...process.env,
      // For all of them, so that they share the packages that Go has compiled.
      CGO_ENABLED: '0',
      PATH: `${process.env.PATH}:/usr/local/go/bin`,
      GOTOOLCHAIN: 'local',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (printed += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (said = (said + chunk).slice(-4_000)));
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error('the Go toolchain is missing: install Go ≥ 1.26', { cause })));
    child.on('close', (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`go ${args.join(' ')} failed (${code}):\n${said || printed.slice(-4_000)}`));
    });
  });
}
