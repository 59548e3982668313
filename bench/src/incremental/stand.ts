import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { QUEUE_BACKUPS, QUEUES, type QueueBackup } from '@redis-queue/api';
import {
  buildBundles,
  bundleOf,
  eventually,
  startAppProcess,
  startRedis,
  startS3Server,
  temporaryFolder,
  type AppProcess,
  type RedisServer,
  type S3Server,
} from '@redis-queue/rig';
import { startRig, type Rig } from '@redis-queue/rig/controllers';
import { Redis } from 'ioredis';
import type { SeenPoint } from './points.ts';

export const QUEUE = 'orders';
const APP = 'backup-controller';
/** As the image runs Node. */
const NODE_OPTIONS = '--max-semi-space-size=1 --max-old-space-size=80';
const BUCKET = 'backups';
/** How often the status is looked at. */
const LOOK_EVERY_MS = 200;

/**
 * A real API server, S3 server and Redis that loses nothing when it is killed, another Redis for restores, and the bundled
 * controller as a process that may be killed.
 */
export class IncrementalStand implements AsyncDisposable {
  readonly rig: Rig;
  readonly other: RedisServer;
  readonly s3: S3Server;
  readonly namespace: string;
  /** Of the queues, and of the copies; they wait for one that is killed. */
  readonly clients: { readonly source: Redis; readonly other: Redis };
  /** What the load writes. */
  readonly ledgerFile = join(temporaryFolder('ledger'), 'ledger');
  /** Points as they are seen. */
  readonly points: SeenPoint[] = [];
  /** Why processes of the controller have ended that nobody killed. */
  readonly endings: string[] = [];
  #controller: AppProcess | undefined;
  #isStopping = false;
  readonly #watching = new AbortController();
  #watch: Promise<void> | undefined;

  private constructor(rig: Rig, other: RedisServer, s3: S3Server, namespace: string) {
    [this.rig, this.other, this.s3, this.namespace] = [rig, other, s3, namespace];
    this.clients = { source: clientOf(rig.redis), other: clientOf(other) };
  }

  static async start(): Promise<IncrementalStand> {
    await buildBundles([APP]);
    const [rig, other, s3] = await Promise.all([
      startRig({ controllerManager: false, redis: { args: ['--appendonly', 'yes', '--appendfsync', 'always'] } }),
      startRedis(),
      startS3Server({ buckets: [BUCKET] }),
    ]);
    const namespace = await rig.namespace('incremental');
    const { objects } = rig;
    await objects.secret(namespace, { 'redis-url': other.url }, 'redis-other');
    await objects.secret(namespace, { key: randomBytes(32).toString('base64') }, 'backup-key');
    await objects.secret(namespace, { ...s3.credentials }, 'backup-storage');
    await objects.create(QUEUES, { namespace, name: QUEUE });
    return new IncrementalStand(rig, other, s3, namespace);
  }

  get controller(): AppProcess {
    if (!this.#controller) throw new Error('the controller does not run');
    return this.#controller;
  }

  /** Resolves when it is ready. One that ends by itself is started again, as the kubelet does. */
  async startController(): Promise<void> {
    this.#isStopping = false;
    const controller = await startAppProcess(APP, {
      main: bundleOf(APP),
      kubeconfigPath: this.rig.controlPlane.kubeconfigPath,
      args: [
        '--lease-namespace=default',
        '--redis-secret-names=redis-credentials,redis-other',
        '--storage-secret-names=backup-storage,backup-key',
      ],
      // As a container that is started again in its pod.
      env: { NODE_OPTIONS, POD_NAMESPACE: 'default', POD_NAME: `${APP}-0` },
    });
    this.#controller = controller;
    void this.#startAgain(controller);
    await controller.ready({ timeoutMs: 60_000 });
  }

  async #startAgain(controller: AppProcess): Promise<void> {
    await controller.exited;
    if (this.#isStopping || this.#controller !== controller) return;
    this.endings.push(controller.lines.findLast((line) => line.includes('"level":"fatal"')) ?? 'it says nothing');
    await this.startController();
  }

  async killController(): Promise<void> {
    await this.#stop('SIGKILL');
    await this.startController();
  }

  stopController(): Promise<void> {
    return this.#stop('SIGTERM');
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true;
    await this.#controller?.stop(signal);
  }

  async killRedis(): Promise<void> {
    await this.rig.redis.kill9();
    await this.rig.redis.restart();
  }

  /** Creates the incremental backup, and follows its points. */
  async startBackup(every: string): Promise<void> {
    const { namespace, s3 } = this;
    const { endpoint, region } = s3;
    await this.rig.objects.create(
      QUEUE_BACKUPS,
      { namespace, name: QUEUE },
      {
        mode: 'Incremental',
        incremental: { every, fullEvery: '1h' },
        queues: { names: [QUEUE] },
        storage: { s3: { bucket: BUCKET, endpoint, region, secretRef: { name: 'backup-storage' } } },
        encryption: { secretRef: { name: 'backup-key' } },
      },
    );
    this.#watch = this.#follow();
  }

  async backup(): Promise<QueueBackup> {
    const found = await this.rig.client.get<QueueBackup>(QUEUE_BACKUPS, { namespace: this.namespace, name: QUEUE });
    if (!found) throw new Error('the QueueBackup is gone');
    return found;
  }

  /** Waits for a point of that time or later. */
  async pointSince(timeMs: number, timeoutMs = 120_000): Promise<SeenPoint> {
    return await eventually(() => this.points.find((point) => point.timeMs >= timeMs), {
      timeoutMs,
      intervalMs: LOOK_EVERY_MS,
      description: `a point of ${new Date(timeMs).toISOString()}; the last lines of the controller:\n${this.controller.lines.slice(-5).join('\n')}`,
    });
  }

  /** Where an object of the storage lies as a file. */
  fileOf(path: string): string {
    return join(this.s3.folder, BUCKET, path);
  }

  async #follow(): Promise<void> {
    while (!this.#watching.signal.aborted) {
      const time = (await this.backup()).status?.incremental?.lastPointTime;
      const timeMs = time === undefined ? undefined : Date.parse(time);
      if (timeMs !== undefined && timeMs !== this.points.at(-1)?.timeMs)
        this.points.push({ timeMs, seenMs: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching.abort();
    await this.#watch;
    await this.#stop('SIGKILL');
    this.clients.source.disconnect();
    this.clients.other.disconnect();
    await this.rig[Symbol.asyncDispose]();
    await Promise.all([this.other.stop(), this.s3.stop()]);
  }
}

function clientOf({ url }: RedisServer): Redis {
  return new Redis(url, { maxRetriesPerRequest: null }).on('error', () => {});
}
