import { isDeepStrictEqual } from 'node:util';
import { QUEUE_RESTORES } from '@redis-queue/api';
import { ApiError, type KubeClient, type ObjectKey } from '@redis-queue/controller';
import type { RestoreObject } from './drills.ts';
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
  readonly drills = new Map<string, RestoreObject>();
  /** Each drill that was ever created, in that order. */
  readonly createdDrills: RestoreObject[] = [];
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
      create: (type: unknown, object: BackupObject | RestoreObject) => request(() => this.#create(type, object)),
      get: (type: unknown, { name }: ObjectKey) => request(() => this.#of(type).get(name)),
      delete: (
        type: unknown,
        { name }: ObjectKey,
        { uid, resourceVersion }: { uid?: string; resourceVersion?: string },
      ) => request(() => this.#delete(this.#of(type), name, uid, resourceVersion)),
      writeStatus: (status: ScheduleObject['status']) => request(() => this.#writeStatus(status)),
    };
    return methods as unknown as KubeClient;
  }

  /** @returns the backup as it is now. */
  setStatus(name: string, status: NonNullable<BackupObject['status']>): void {
    const { metadata, ...rest } = this.backups.get(name)!;
    this.backups.set(name, { ...rest, metadata: { ...metadata, resourceVersion: this.#nextVersion() }, status });
  }

  setDrillStatus(name: string, status: NonNullable<RestoreObject['status']>): void {
    const { metadata, ...rest } = this.drills.get(name)!;
    this.drills.set(name, { ...rest, metadata: { ...metadata, resourceVersion: this.#nextVersion() }, status });
  }

  #of(type: unknown): Map<string, BackupObject | RestoreObject> {
    const all: object = type === QUEUE_RESTORES ? this.drills : this.backups;
    return all as Map<string, BackupObject | RestoreObject>;
  }

  #create(type: unknown, object: BackupObject | RestoreObject): object {
    const { name } = object.metadata;
    if (this.#of(type).has(name)) throw new ApiError(`POST ${name}`, { code: 409, reason: 'AlreadyExists' });
    const version = this.#nextVersion();
    const stored = { ...object, metadata: { ...object.metadata, uid: `u${version}`, resourceVersion: version } };
    this.#of(type).set(name, stored);
    if (type === QUEUE_RESTORES) this.createdDrills.push(stored as RestoreObject);
    else this.created.push(stored as BackupObject);
    return stored;
  }

  #delete(
    objects: Map<string, BackupObject | RestoreObject>,
    name: string,
    uid?: string,
    resourceVersion?: string,
  ): boolean {
    const object = objects.get(name);
    if (!object) return false;
    if (object.metadata.uid !== uid || object.metadata.resourceVersion !== resourceVersion)
      throw new ApiError(`DELETE ${name}`, { code: 409, reason: 'Conflict' });
    return objects.delete(name);
  }

  #writeStatus(status: ScheduleObject['status']): void {
    if (!isDeepStrictEqual(status, this.schedule.status))
      this.schedule = { ...this.schedule, ...(status && { status }) };
  }

  #nextVersion(): string {
    return String(this.#version++);
  }
}
