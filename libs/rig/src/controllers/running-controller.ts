import { createLog, createManager, loadKubeClient, type Manager, type ManagerOptions } from '@redis-queue/controller';

/** Connects caches, reconcilers and the like with a manager, as the wire function of an app does. */
export type Wire = (manager: Manager) => void | Promise<void>;

/** A controller in this process, until it is stopped. */
export interface RunningController {
  readonly manager: Manager;
  /** What it has logged, one JSON object per line, from level debug on. */
  readonly lines: readonly string[];
  /** The sum of the samples of its metrics whose lines match, such as `/^workqueue_depth\{/`. */
  sumOf(samples: RegExp): Promise<number>;
  /** A graceful stop. @throws what ended the controller before, or when the stop takes more than 30 s. */
  stop(): Promise<void>;
}

export interface ControllerSettings extends Partial<Omit<ManagerOptions, 'client' | 'log'>> {
  /** Another way to the API server, such as a proxy's. */
  readonly kubeconfigPath?: string;
}

/**
 * Wires a controller to the API server of `kubeconfigPath` and runs it, with a client of its own. It leads at once and
 * serves HTTP on a free port of loopback, unless `settings` say otherwise.
 */
export async function runController(
  kubeconfigPath: string,
  wire: Wire,
  settings: ControllerSettings = {},
): Promise<RunningController> {
  const { name = 'controller', leaderElection = false, kubeconfigPath: _, ...rest } = settings;
  const lines: string[] = [];
  const log = createLog({ name, level: 'debug', write: (line) => void lines.push(line) });
  const client = loadKubeClient({ kubeconfigPath });
  const manager = createManager({ httpHost: '127.0.0.1', ...rest, name, leaderElection, client, log });
  await wire(manager);
  const stopping = new AbortController();
  const running = manager.run(stopping.signal);
  return {
    manager,
    lines,
    sumOf: async (samples) => {
      const page = await manager.registry.metrics();
      const found = page.split('\n').filter((line) => samples.test(line));
      return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    stop: async () => {
      stopping.abort();
      await running;
      await client.close();
    },
  };
}
