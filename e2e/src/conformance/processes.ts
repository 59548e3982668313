import { freePort, startProcess, startRedis, type ChildHandle, type RedisServer } from '@redis-queue/rig';
import { environmentOf, templateOf } from './pod-template.ts';
import { REDIS_ARGS, type Pod, type PodRequest, type PodRuntime, type PodSite } from './runtime.ts';

const NAMESPACE = 'conformance';
const ASK_MS = 5_000;

/**
 * Processes of this machine with the environment of pods: quick, and without what a container brings along (its user,
 * its read-only root, who gets its signals).
 *
 * @param command what the image runs, such as `node main.js`.
 */
export function processRuntime(command: string): PodRuntime {
  return { openSite: async () => siteOf(command, await startRedis({ args: REDIS_ARGS })) };
}

function siteOf(command: string, redis: RedisServer): PodSite {
  const processes: ChildHandle[] = [];
  const start = async (request: PodRequest): Promise<Pod> => {
    const template = templateOf('command:1', NAMESPACE, 'redis', request);
    const port = await freePort();
    const env = { ...environmentOf(template, request.name, { 'redis-url': redis.url }), RQ_HTTP_PORT: String(port) };
    const launch = (): ChildHandle => {
      const launched = startProcess('/bin/sh', ['-c', `exec ${command}`], { env });
      processes.push(launched);
      return launched;
    };
    return podOf(request, port, launch);
  };
  const close = async (): Promise<void> => {
    await Promise.all(processes.map(async (each) => await each.stop('SIGKILL')));
    await redis.stop();
  };
  return { namespace: NAMESPACE, redis, delayMs: 0, start, close };
}

function podOf({ name, restarts }: PodRequest, port: number, launch: () => ChildHandle): Pod {
  let ended = false;
  const watched = (): ChildHandle => {
    const process = launch();
    void process.exited.then(() => (ended = true));
    return process;
  };
  let process = watched();
  return {
    name,
    get: async (path) => {
      try {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(ASK_MS) });
        return { status: response.status, body: await response.text() };
      } catch {
        return undefined;
      }
    },
    terminate: () => Promise.resolve(process.kill('SIGTERM')),
    kill: async () => {
      await process.stop('SIGKILL');
      if (restarts) process = watched();
    },
    ended: () => Promise.resolve(ended),
  };
}
