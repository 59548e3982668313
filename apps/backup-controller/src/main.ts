import { APPS, QUEUE_BACKUPS, QUEUE_RESTORES } from '@redis-queue/api';
import { concurrencyFlag, numberFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag, secretNamesFlag } from '@redis-queue/redis-access';
import { BACKUP_FINALIZER } from './backups/plan.ts';
import { RESTORE_FINALIZER } from './restores/steps.ts';
import { RUNS, wireBackupController } from './wire.ts';

await runApp({
  name: 'backup-controller',
  description: APPS['backup-controller'].summary,
  holds: [
    { type: QUEUE_BACKUPS, finalizer: BACKUP_FINALIZER, leaves: 'its files stay in the storage' },
    { type: QUEUE_RESTORES, finalizer: RESTORE_FINALIZER, leaves: 'what it has written stays in Redis' },
  ],
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    'storage-secret-names': secretNamesFlag({
      default: 'backup-storage,backup-key',
      help: 'Secrets that may be read for the credentials of storages and the keys of backups, comma-separated; the Helm value storage.secretNames.',
    }),
    'volume-directory': {
      default: '',
      help: 'Folder in which backups on a volume lie, by namespace; empty: none is kept on a volume. Set by the Helm value storage.volume.claimName.',
      placeholder: 'FOLDER',
    },
    'pod-identity': {
      default: 'false',
      help: "Whether storages without a Secret are reached with the pod's own identity; the Helm value storage.podIdentity.",
      placeholder: 'true|false',
      parse(text: string): boolean {
        if (text !== 'true' && text !== 'false') throw new Error('must be true or false');
        return text === 'true';
      },
    },
    runs: numberFlag(
      {
        default: String(RUNS),
        help: 'How many backups and restores run at once, half of what is free in one namespace. The Helm value runs.',
      },
      { min: 1, max: 32 },
    ),
    concurrency: concurrencyFlag('backups and restores'),
  },
  setup: (manager, { flags }) =>
    wireBackupController(manager, {
      redisSecretNames: flags['redis-secret-names'],
      storageSecretNames: flags['storage-secret-names'],
      volumeDirectory: flags['volume-directory'],
      podIdentity: flags['pod-identity'],
      runs: flags.runs,
      concurrency: flags.concurrency,
    }),
});
