import {
  bundleOf,
  kindOfWrite,
  startApiProxy,
  startAppProcess,
  type ApiProxy,
  type ApiWrite,
  type AppName,
  type AppProcess,
} from '@redis-queue/rig';
import type { Rig } from '@redis-queue/rig/controllers';
import type { Begun } from './judge.ts';

const STAMP = new URL('stamp-writes.ts', import.meta.url).href;

/** One replica of an app: a process after the other, each by way of the same proxies, which see all that it writes. */
export class Replica implements AsyncDisposable {
  readonly name: string;
  readonly api: ApiProxy;
  readonly #app: AppName;
  readonly #namespace: string;
  readonly #rig: Rig;
  /** What the processes before this one sent to Redis. */
  #formerRedisWrites: Begun[] = [];
  #process: AppProcess | undefined;
  #ended = true;

  private constructor(name: string, app: AppName, namespace: string, rig: Rig, api: ApiProxy) {
    this.name = name;
    this.api = api;
    this.#app = app;
    this.#namespace = namespace;
    this.#rig = rig;
  }

  /** It is not started yet. */
  static async of(name: string, app: AppName, namespace: string, rig: Rig): Promise<Replica> {
    return new Replica(name, app, namespace, rig, await startApiProxy(rig.controlPlane));
  }

  get process(): AppProcess {
    if (!this.#process) throw new Error(`${this.name} was not started`);
    return this.#process;
  }

  /** Starts a process where none runs, as the kubelet does. @returns why one had ended by itself, if it had */
  async ensureRunning(): Promise<string | undefined> {
    if (!this.#ended) return undefined;
    const why = this.#process?.lines.findLast((line) => line.includes('"level":"fatal"'));
    await this.start();
    await this.process.ready({ timeoutMs: 120_000 });
    return why;
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#formerRedisWrites = this.#redisWrites;
    this.#process = undefined;
    this.#ended = true;
  }

  /** Starts a process, as its image does, that looks at its namespace alone. */
  async start(): Promise<void> {
    this.#formerRedisWrites = this.#redisWrites;
    const started = await startAppProcess(this.#app, {
      main: bundleOf(this.#app),
      kubeconfigPath: this.api.kubeconfigPath,
      args: [`--lease-namespace=${this.#namespace}`, `--namespace-scope=${this.#namespace}`],
      env: {
        NODE_OPTIONS: `--max-semi-space-size=1 --max-old-space-size=80 --import=${STAMP}`,
        POD_NAME: this.name,
        POD_NAMESPACE: this.#namespace,
        STAMP_API_PORT: String(this.api.port),
        STAMP_REDIS_PORT: String(this.#rig.redis.port),
      },
    });
    this.#process = started;
    this.#ended = false;
    const followEnd = async (): Promise<void> => {
      await started.exited;
      if (this.#process === started) this.#ended = true;
    };
    void followEnd();
  }

  /** Its writes of Leases since then that were accepted. */
  leasesSince(sinceMs: number): ApiWrite[] {
    return this.api.writes.filter(
      ({ resource, atMs, code = 500 }) => resource === 'leases' && atMs >= sinceMs && code < 300,
    );
  }

  /** All that it began to write since then, but for its Lease. */
  begunSince(sinceMs: number): Begun[] {
    const toApi = this.writesSince(sinceMs).map((write) => ({ atMs: write.atMs, what: kindOfWrite(write) }));
    return [...toApi, ...this.#redisWrites.filter(({ atMs }) => atMs >= sinceMs)];
  }

  /** The same of the API server's objects. */
  writesSince(sinceMs: number): ApiWrite[] {
    return this.api.writes.filter(({ resource, atMs }) => resource !== 'leases' && atMs >= sinceMs);
  }

  get redisWrites(): number {
    return this.#redisWrites.length;
  }

  get #redisWrites(): Begun[] {
    const stamps = (this.#process?.lines ?? []).filter((line) => line.startsWith('{"begunMs"'));
    const parsed = stamps.map((line) => JSON.parse(line) as { begunMs: number; redis: string });
    return [...this.#formerRedisWrites, ...parsed.map(({ begunMs, redis }) => ({ atMs: begunMs, what: redis }))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.api[Symbol.asyncDispose]();
  }
}
