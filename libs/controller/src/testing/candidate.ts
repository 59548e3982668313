import { CONFIG_MAPS, createManager, createLog, loadKubeClient } from '../index.ts';

// A process that wants to lead, for the tests of leader election. Arguments: kubeconfig, namespace, identity, and how many ConfigMaps it
// writes all the time while it leads, each with its identity. It stands still after SIGUSR2.
const [kubeconfigPath = '', namespace = '', identity = '', written = '0'] = process.argv.slice(2);
const log = createLog({ name: identity });
const manager = createManager({
  name: 'candidate',
  client: loadKubeClient({ kubeconfigPath }),
  log,
  leaderElection: {
    namespace,
    leaseName: 'candidate',
    identity,
    leaseDurationMs: 6_000,
    renewDeadlineMs: 4_500,
    retryPeriodMs: 500,
  },
});
manager.onElected(() => log.info({ at: Date.now() }, 'elected'));
manager.runnable({
  name: 'work',
  run: (signal) =>
    new Promise((resolve) => {
      log.info('working');
      signal.addEventListener('abort', () => {
        log.info({ at: Date.now() }, 'work ended');
        resolve();
      });
    }),
});
manager.runnable({
  name: 'writers',
  run: async (signal) => {
    await Promise.all(Array.from({ length: Number(written) }, (_, index) => writeUntil(`written-${index}`, signal)));
  },
});
async function writeUntil(name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const object = { metadata: { namespace, name }, data: { writer: identity } };
    await manager.client
      .apply(CONFIG_MAPS, object, { fieldManager: 'candidate', force: true })
      .catch((error: unknown) => log.debug({ err: error }, 'not written'));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
// From outside, SIGSTOP may come between the look at the clock and the system call of a write, which no process can prevent: such a
// write began before. Both are in one turn of the event loop, and a handler has a turn of its own.
process.on('SIGUSR2', () => process.kill(process.pid, 'SIGSTOP'));
try {
  await manager.run();
  process.exit(0);
} catch (error) {
  log.fatal({ err: error }, 'ended by a failure');
  process.exit(1);
}
