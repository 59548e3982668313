import { freePort } from '../processes/free-port.ts';
import { startProcess, type ChildHandle, type ProcessOptions } from '../processes/process.ts';
import { eventually } from '../waiting/eventually.ts';

/** An app as a process of its own, which serves HTTP on loopback and dies with this process. */
export interface AppProcess extends ChildHandle {
  readonly httpPort: number;
  /** Resolves when `/readyz` answers ok. @throws with the app's last lines when the time is over; default 30 s. */
  ready(options?: { timeoutMs?: number; intervalMs?: number }): Promise<void>;
  /** The page of its metrics. */
  metrics(): Promise<string>;
}

export interface AppProcessOptions {
  /** Its entry: `src/main.ts`, or its bundle as the image has it. */
  main: string;
  kubeconfigPath: string;
  args?: readonly string[];
  env?: ProcessOptions['env'];
}

/** Starts an app on a free port. Does not wait until it is ready. */
export async function startAppProcess(name: string, options: AppProcessOptions): Promise<AppProcess> {
  const { main, kubeconfigPath, args = [], env = {} } = options;
  const httpPort = await freePort();
  const flags = [`--kubeconfig=${kubeconfigPath}`, `--http-port=${httpPort}`, ...args];
  const child = startProcess(process.execPath, [main, ...flags], { env });
  const page = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${httpPort}${path}`);
  return {
    ...child,
    httpPort,
    ready: async ({ timeoutMs = 30_000, intervalMs = 50 } = {}) => {
      const waiting = { timeoutMs, intervalMs, description: `${name} to be ready` };
      await eventually(async () => (await page('/readyz')).ok, waiting).catch((error: unknown) => {
        throw new Error(`${name} did not get ready:\n${child.lines.slice(-10).join('\n')}`, { cause: error });
      });
    },
    metrics: async () => await (await page('/metrics')).text(),
  };
}
