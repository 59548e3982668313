import { createManager, createLog, loadKubeClient } from '../index.ts';

// A process that wants to lead, for the tests of leader election. Arguments: kubeconfig, namespace, identity.
const [kubeconfigPath = '', namespace = '', identity = ''] = process.argv.slice(2);
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
try {
  await manager.run();
  process.exit(0);
} catch (error) {
  log.fatal({ err: error }, 'ended by a failure');
  process.exit(1);
}
