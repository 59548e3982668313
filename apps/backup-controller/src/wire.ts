import type { Manager } from '@redis-queue/controller';

export interface Settings {
  /** Names of Secrets with credentials of Redis that RBAC lets the controller read. */
  readonly redisSecretNames: readonly string[];
  /** Names of Secrets with credentials of storages, or keys of backups, that RBAC lets it read. */
  readonly storageSecretNames: readonly string[];
  /** Where backups on a volume lie, by namespace; '': there is no volume. */
  readonly volumeDirectory: string;
  /** Whether storages without a Secret are reached with the pod's own identity. */
  readonly podIdentity: boolean;
  /** Backups and restores that run at once. */
  readonly runs: number;
  /** Objects of each kind that are reconciled at once. */
  readonly concurrency: number;
}

/** Each holds a few parts of 8 MiB in memory. */
export const RUNS = 4;

/** Connects the kinds with the manager. */
export function wireBackupController(_manager: Manager, _settings: Settings): void {}
