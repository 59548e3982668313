import { randomBytes } from 'node:crypto';
import {
  QUEUE_BACKUPS,
  QUEUE_RESTORES,
  QUEUES,
  type QueueBackupSpec,
  type QueueRestoreSpec,
  type QueueSpec,
} from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import {
  eventually,
  startRedis,
  startKmsServer,
  startS3Server,
  temporaryFolder,
  type KmsServer,
  type RedisServer,
  type S3Server,
} from '@redis-queue/rig';
import { startRig, type Rig, type RunningController } from '@redis-queue/rig/controllers';
import { Queue, Worker, type Job } from 'bullmq';
import type { BackupObject } from '../backups/steps.ts';
import type { RestoreObject } from '../restores/steps.ts';
import { wireBackupController, type Settings } from '../wire.ts';

type Type = typeof QUEUE_BACKUPS | typeof QUEUE_RESTORES;

/** A real API server, two real servers of Redis, a volume, and servers of S3 and of AWS KMS. */
export class TestCluster implements AsyncDisposable {
  readonly rig: Rig;
  /** Another Redis, to which queues move: Secret `redis-other`. */
  readonly other: RedisServer;
  /** With the bucket `backups`, and Secret `backup-storage`. */
  readonly s3: S3Server;
  /** Secret `backup-kms`. */
  readonly kms: KmsServer;
  /** The volume. */
  readonly volume = temporaryFolder('backups');
  readonly #connections = new RedisConnections();
  readonly #closing = new AsyncDisposableStack();

  private constructor(rig: Rig, other: RedisServer, s3: S3Server, kms: KmsServer) {
    this.rig = rig;
    this.other = other;
    this.s3 = s3;
    this.kms = kms;
  }

  static async start(): Promise<TestCluster> {
    const [rig, other, s3, kms] = await Promise.all([startRig(), startRedis(), startS3Server(), startKmsServer()]);
    return new TestCluster(rig, other, s3, kms);
  }

  /** The controller, in this process, until it is stopped. */
  async controller(
    settings: Partial<Settings> = {},
    more: { kubeconfigPath?: string; namespaces?: readonly string[] } = {},
  ): Promise<RunningController> {
    const all: Settings = {
      redisSecretNames: ['redis-credentials', 'redis-other', 'redis-backup', 'redis-restore', 'redis-scratch'],
      storageSecretNames: ['backup-key', 'backup-storage', 'backup-kms'],
      volumeDirectory: this.volume,
      podIdentity: false,
      runs: 16,
      concurrency: 8,
      ...settings,
    };
    return await this.rig.controller((manager) => wireBackupController(manager, all), {
      name: 'backup-controller',
      ...more,
    });
  }

  /** A namespace with the Secrets of both servers, and a key. */
  async namespace(prefix = 'backups'): Promise<string> {
    const namespace = await this.rig.namespace(prefix);
    const { objects } = this.rig;
    await objects.secret(namespace, { 'redis-url': this.other.url }, 'redis-other');
    await objects.secret(namespace, { key: randomBytes(32).toString('base64') }, 'backup-key');
    await objects.secret(namespace, { ...this.s3.credentials }, 'backup-storage');
    await objects.secret(namespace, { ...this.kms.credentials }, 'backup-kms');
    return namespace;
  }

  /** The bucket, as a spec names it. */
  get bucket(): QueueBackupSpec['storage'] {
    const { endpoint, region } = this.s3;
    return { s3: { bucket: 'backups', prefix: 'all', endpoint, region, secretRef: { name: 'backup-storage' } } };
  }

  /** As its administrator. */
  redis({ host, port }: RedisServer): ReturnType<RedisConnections['get']> {
    return this.#connections.get({ host, port });
  }

  /** The Secret of a role, `redis-<role>`. */
  async secretOf(namespace: string, role: 'backup' | 'restore', url: string): Promise<void> {
    await this.rig.objects.secret(namespace, { 'redis-url': url }, `redis-${role}`);
  }

  /** A key of the KMS, as a spec names it. */
  get kmsKey(): NonNullable<QueueBackupSpec['encryption']> {
    const { endpoint, region, keyIds } = this.kms;
    return { kms: { keyId: keyIds[0]!, endpoint, region, secretRef: { name: 'backup-kms' } } };
  }

  async queue(
    namespace: string,
    name: string,
    spec: QueueSpec = {},
    labels: Record<string, string> = {},
  ): Promise<void> {
    await this.rig.objects.create(QUEUES, { namespace, name, labels }, spec);
  }

  backup(namespace: string, name: string, spec: Partial<QueueBackupSpec>): Promise<BackupObject> {
    return this.rig.objects.create(QUEUE_BACKUPS, { namespace, name }, { storage: { volume: {} }, ...spec });
  }

  restore(namespace: string, name: string, spec: Partial<QueueRestoreSpec>): Promise<RestoreObject> {
    return this.rig.objects.create(QUEUE_RESTORES, { namespace, name }, spec);
  }

  settled<T extends BackupObject | RestoreObject>(object: T, reason: string): Promise<T> {
    return this.rig.objects.settled<T>(typeOf(object), object, reason);
  }

  read<T extends BackupObject | RestoreObject>(object: T): Promise<T> {
    return this.rig.objects.read<T>(typeOf(object), object);
  }

  patch(object: BackupObject | RestoreObject, change: object): Promise<unknown> {
    const { namespace, name } = object.metadata;
    return this.rig.client.mergePatch(typeOf(object), { name, ...(namespace && { namespace }) }, change);
  }

  remove(object: BackupObject | RestoreObject): Promise<unknown> {
    const { namespace, name } = object.metadata;
    return this.rig.client.delete(typeOf(object), { name, ...(namespace && { namespace }) });
  }

  /** Waits until the object is gone. */
  gone({ metadata: { namespace, name }, kind }: BackupObject | RestoreObject): Promise<true> {
    const type = kind === QUEUE_BACKUPS.kind ? QUEUE_BACKUPS : QUEUE_RESTORES;
    const key = { name, ...(namespace && { namespace }) };
    return eventually(async () => (await this.rig.client.get(type, key)) === undefined, {
      description: `${name} to go`,
    });
  }

  /** A producer of a queue, at either server. */
  producer(name: string, server: RedisServer = this.rig.redis): Queue {
    const queue = new Queue(name, { connection: { host: server.host, port: server.port } });
    this.#closing.defer(() => queue.close());
    return queue;
  }

  /** Runs the jobs of a queue, until the test is over; their ids, as they ran. */
  worker(
    name: string,
    server: RedisServer,
    handle: (job: Job) => Promise<unknown> = () => Promise.resolve(),
  ): string[] {
    const ran: string[] = [];
    const run = async (job: Job): Promise<unknown> => {
      ran.push(job.id!);
      return await handle(job);
    };
    const worker = new Worker(name, run, { connection: { host: server.host, port: server.port } });
    worker.on('error', () => undefined);
    this.#closing.defer(() => worker.close(true));
    return ran;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
    this.#connections.close();
    await this.rig[Symbol.asyncDispose]();
    await Promise.all([this.other.stop(), this.s3.stop(), this.kms[Symbol.asyncDispose]()]);
  }
}

function typeOf({ kind }: { kind: string }): Type {
  return kind === QUEUE_BACKUPS.kind ? QUEUE_BACKUPS : QUEUE_RESTORES;
}
