import { isDeepStrictEqual } from 'node:util';
import { ApiError, type KubeClient, type ObjectKey } from '@redis-queue/controller';
import type { BackupObject, ScheduleObject } from './schedules.ts';

// What an API server does with the requests of a schedule's reconcile, in a process that may end at each of them.

/** The process ended. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** Whether the process ends at this request: before it took effect, or after. */
export type CrashesAt = () => 'before' | 'after' | undefined;

export class ApiModel {
  schedule: ScheduleObject;
  readonly backups = new Map<string, BackupObject>();
  /** Each backup that was ever created, in that order. */
  readonly created: BackupObject[] = [];
  #version = 1;

  constructor(schedule: ScheduleObject) {
    this.schedule = schedule;
  }

  /** The client of a process. */
  client(crashesAt: CrashesAt): KubeClient {
    const request = async <T>(effect: () => T): Promise<T> => {
      await Promise.resolve();
      const crash = crashesAt();
      if (crash === 'before') throw new Crash();
      const answer = effect();
      if (crash === 'after') throw new Crash();
      return answer;
    };
    const methods = {
      create: (_: unknown, backup: BackupObject) => request(() => this.#create(backup)),
      get: (_: unknown, { name }: ObjectKey) => request(() => this.backups.get(name)),
      delete: (_: unknown, { name }: ObjectKey, { uid, resourceVersion }: { uid?: string; resourceVersion?: string }) =>
        request(() => this.#delete(name, uid, resourceVersion)),
      writeStatus: (status: ScheduleObject['status']) => request(() => this.#writeStatus(status)),
    };
    return methods as unknown as KubeClient;
  }

  /** @returns the backup as it is now. */
  setStatus(name: string, status: NonNullable<BackupObject['status']>): void {
    const { metadata, ...rest } = this.backups.get(name)!;
    this.backups.set(name, { ...rest, metadata: { ...metadata, resourceVersion: this.#nextVersion() }, status });
  }

  #create(backup: BackupObject): BackupObject {
    const { name } = backup.metadata;
    if (this.backups.has(name)) throw new ApiError(`POST ${name}`, { code: 409, reason: 'AlreadyExists' });
    const version = this.#nextVersion();
    const stored = { ...backup, metadata: { ...backup.metadata, uid: `u${version}`, resourceVersion: version } };
    this.backups.set(name, stored);
    this.created.push(stored);
    return stored;
  }

  #delete(name: string, uid?: string, resourceVersion?: string): boolean {
    const backup = this.backups.get(name);
    if (!backup) return false;
    if (backup.metadata.uid !== uid || backup.metadata.resourceVersion !== resourceVersion)
      throw new ApiError(`DELETE ${name}`, { code: 409, reason: 'Conflict' });
    return this.backups.delete(name);
  }

  #writeStatus(status: ScheduleObject['status']): void {
    if (!isDeepStrictEqual(status, this.schedule.status))
      this.schedule = { ...this.schedule, ...(status && { status }) };
  }

  #nextVersion(): string {
    return String(this.#version++);
  }
}
