import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { sampleHolders } from '@redis-queue/bullmq';
import { DEPLOYMENTS, PODS, type KubeClient, type Resource } from '@redis-queue/controller';
import { DECISION_ANNOTATION, SCHEMA_VERSION, type Publisher } from '@redis-queue/scaling-bus';
import { eventually } from '@redis-queue/rig';
import { wholeBetween } from '@redis-queue/simulator';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import type { Pool } from '../stand/pods-stand.ts';
import { judgeScaleIn, type JobsByPod, type ScaleInVerdict } from './judge.ts';

interface Ended {
  terminated?: { exitCode: number; reason?: string };
}

interface PodObject extends Resource {
  status?: {
    phase?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { state?: Ended; lastState?: Ended }[];
  };
}

interface DeploymentObject extends Resource {
  spec: { replicas: number };
}

export interface ScaleIn extends ScaleInVerdict {
  readonly from: number;
  readonly to: number;
  /** Decisions until one was applied: more than one when the controller put the shrink off, or a tick was missed. */
  readonly decisions: number;
  /** From the first decision to the smaller Deployment. */
  readonly tookMs: number;
}

export const FULL_SIZE = 6;
/** As often as the autoscaler publishes a decision that is not followed yet. */
const TICK_MS = 1_000;
const EXPIRES_MS = 15_000;
/** Dozens of pods start at once on a machine that does other things too. */
const TIMEOUT_MS = 600_000;
/** One scale-in of this many does not wait until all pods are ready. */
const EARLY_EVERY = 5;

export interface ScaledPoolOptions {
  pool: Pool;
  client: KubeClient;
  redis: Redis;
  publisher: Publisher;
  random: () => number;
  signal: AbortSignal;
}

/** A pool whose size the bench decides, in the autoscaler's place: what it says goes over the bus to the controller. */
export class ScaledPool {
  readonly #options: ScaledPoolOptions;
  readonly #pods: ObjectWatch<PodObject>;
  readonly #deployments: ObjectWatch<DeploymentObject>;
  readonly #epoch: number;
  /** Pods whose container ended in another way than by itself after a drain, and how: its jobs stall. */
  readonly failures = new Map<string, string>();
  #sequence = 0;

  private constructor(
    options: ScaledPoolOptions,
    pods: ObjectWatch<PodObject>,
    deployments: ObjectWatch<DeploymentObject>,
    epoch: number,
  ) {
    this.#options = options;
    this.#pods = pods;
    this.#deployments = deployments;
    this.#epoch = epoch;
    pods.onChange(({ metadata, status }) => {
      for (const { state, lastState } of status?.containerStatuses ?? []) {
        const { exitCode = 0, reason = '' } = state?.terminated ?? lastState?.terminated ?? {};
        // 143: it left before it had begun to work.
        if (exitCode !== 0 && exitCode !== 143) this.failures.set(metadata.name, `${reason} ${exitCode}`);
      }
    });
  }

  static async start(options: ScaledPoolOptions): Promise<ScaledPool> {
    const { client, pool, publisher, signal } = options;
    const [pods, deployments, epoch] = await Promise.all([
      ObjectWatch.start<PodObject>(client, PODS, pool.namespace, signal),
      ObjectWatch.start<DeploymentObject>(client, DEPLOYMENTS, pool.namespace, signal),
      publisher.timeMs(),
    ]);
    return new ScaledPool(options, pods, deployments, epoch);
  }

  /** Gives the pool its full size; resolves when the Deployment has it. */
  async grow(): Promise<void> {
    await this.#until(() => this.#deployments.objects.has(this.#name), 'its Deployment');
    if (this.#size() === FULL_SIZE) return;
    const deadline = performance.now() + TIMEOUT_MS;
    while (this.#size() !== FULL_SIZE) {
      if (performance.now() > deadline) throw new Error(`${this.#name} did not grow to ${FULL_SIZE}`);
      await this.#decide(FULL_SIZE);
      await this.#sized(FULL_SIZE);
    }
  }

  /** Shrinks the full pool to a random size above zero, and returns which pods went. */
  async shrink(): Promise<ScaleIn> {
    const { random } = this.#options;
    const to = wholeBetween(random, 2, FULL_SIZE - 1);
    const early = wholeBetween(random, 1, EARLY_EVERY) === 1;
    const isEnough = early ? isRunning : isReady;
    await this.#until(() => this.#active().filter(isEnough).length === FULL_SIZE, `${FULL_SIZE} pods`);
    await sleep(random() * 1_500);
    const samples = new Map<string, JobsByPod>();
    const startedMs = performance.now();
    while (this.#size() !== to) {
      if (performance.now() - startedMs > TIMEOUT_MS) throw new Error(`${this.#name} did not shrink to ${to}`);
      const sample = await this.#sample();
      samples.set(await this.#decide(to, sample), sample);
      await this.#sized(to);
    }
    const tookMs = performance.now() - startedMs;
    // Which of the decisions it was: the fence is written with the size.
    const applied = this.#deployments.objects.get(this.#name)?.metadata.annotations?.[DECISION_ANNOTATION] ?? '';
    const sample = samples.get(applied);
    if (!sample) throw new Error(`${this.#name} follows decision ${applied}, which is none of this scale-in`);
    await this.#until(() => this.#active().length === to, `${to} pods`);
    const survivors = new Set(this.#active().map(({ metadata }) => metadata.name));
    return { ...judgeScaleIn(sample, survivors), from: FULL_SIZE, to, decisions: samples.size, tookMs };
  }

  get #name(): string {
    return this.#options.pool.name;
  }

  #size(): number | undefined {
    return this.#deployments.objects.get(this.#name)?.spec.replicas;
  }

  /** Pods that are not on their way out. */
  #active(): PodObject[] {
    return [...this.#pods.objects.values()].filter(
      ({ metadata, status }) =>
        !metadata.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded',
    );
  }

  async #sample(): Promise<JobsByPod> {
    const { redis, pool } = this.#options;
    const holders = await sampleHolders(redis, [{ prefix: 'bull', name: pool.queue }]);
    const jobs = holders?.jobsByWorker ?? new Map<string, number>();
    return new Map(this.#active().map(({ metadata: { name } }) => [name, jobs.get(name) ?? 0]));
  }

  /** @returns the decision's fence. */
  async #decide(desiredReplicas: number, busy?: JobsByPod): Promise<string> {
    const { pool, publisher } = this.#options;
    const { namespace, name, uid } = pool;
    const nowMs = await publisher.timeMs();
    const sequence = ++this.#sequence;
    await publisher.publish({
      schemaVersion: SCHEMA_VERSION,
      pool: { namespace, name, uid, generation: 1 },
      epoch: this.#epoch,
      sequence,
      sampledAt: nowMs,
      expiresAt: nowMs + EXPIRES_MS,
      currentReplicas: this.#size() ?? 0,
      desiredReplicas,
      reason: `${desiredReplicas} replicas: the bench says so.`,
      signals: [],
      confidence: 1,
      ...(busy && { busy: Object.fromEntries([...busy].filter(([, jobs]) => jobs > 0)) }),
    });
    return `${this.#epoch}.${sequence}`;
  }

  /** Waits a tick for the size. */
  async #sized(size: number): Promise<void> {
    const end = performance.now() + TICK_MS;
    while (this.#size() !== size && performance.now() < end) await sleep(20);
  }

  async #until(probe: () => boolean, description: string): Promise<void> {
    const all = { timeoutMs: TIMEOUT_MS, intervalMs: 50, description: `${this.#name} to have ${description}` };
    await eventually(probe, all).catch((error: unknown) => {
      const pods = [...this.#pods.objects.values()].map(
        ({ metadata, status }) => `${metadata.name} ${metadata.deletionTimestamp ? 'ending' : (status?.phase ?? '')}`,
      );
      throw new Error(`there are ${pods.join(', ')}`, { cause: error });
    });
  }
}

function isRunning({ status }: PodObject): boolean {
  return status?.phase === 'Running';
}

function isReady({ status }: PodObject): boolean {
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}
