import { setTimeout as sleep } from 'node:timers/promises';
import { LEASES, type Resource } from '@redis-queue/controller';
import { eventually, type AppName } from '@redis-queue/rig';
import type { Rig } from '@redis-queue/rig/controllers';
import { judgeTakeover, type Verdict } from './judge.ts';
import { startChanges } from './changes.ts';
import { Replica } from './replica.ts';

/** How a leader gets stuck. */
export const WAYS = ['writes hang', 'the API server hangs', 'SIGSTOP'] as const;
export type Way = (typeof WAYS)[number];

export interface Trial extends Verdict {
  readonly app: AppName;
  readonly way: Way;
  /** Whether the other replica took the Lease. */
  readonly changed: boolean;
  /** How the former leader's process ended. */
  readonly ended: string;
  /** Writes that were under way when it got stuck, and went on afterwards: how many, and of how many the object changed. */
  readonly held: number;
  /** Processes that had ended before it by themselves: the machine was too busy to renew a Lease in time. */
  readonly starved: readonly string[];
  readonly landed: number;
}

/** As the apps have it: see `LeaderElectionOptions`. */
const RENEW_DEADLINE_MS = 10_000;
const PATIENCE = { timeoutMs: 120_000, intervalMs: 50 };
/** Once a successor leads, the former leader stays stuck for so long, and is watched for so long after that. */
const AFTERWARDS_MS = 3_000;

interface Lease extends Resource {
  spec?: { holderIdentity?: string };
}

/** Two replicas of one app with a Lease of their own, and objects that change all the time. */
export class Pair implements AsyncDisposable {
  readonly app: AppName;
  readonly replicas: readonly Replica[];
  readonly #namespace: string;
  readonly #rig: Rig;
  readonly #changes: AsyncDisposable & { fresh(): Promise<void> };

  private constructor(app: AppName, namespace: string, rig: Rig, replicas: readonly Replica[]) {
    this.app = app;
    this.#namespace = namespace;
    this.#rig = rig;
    this.replicas = replicas;
    this.#changes = startChanges(app, namespace, rig.client);
  }

  static async start(app: AppName, rig: Rig): Promise<Pair> {
    const namespace = await rig.namespace('leaders');
    const names = [`${namespace}-a`, `${namespace}-b`];
    const replicas = await Promise.all(names.map((name) => Replica.of(name, app, namespace, rig)));
    const pair = new Pair(app, namespace, rig, replicas);
    await pair.#ensureRunning();
    return pair;
  }

  /** Has the leader get stuck for longer than its Lease, and judges what it wrote. */
  async trial(way: Way): Promise<Trial> {
    const { leader, successor, starved } = await this.#steady();
    const { process } = leader;
    const struckMs = Date.now();
    if (way === 'SIGSTOP') process.kill('SIGSTOP');
    else leader.api.hang(way === 'writes hang' ? 'writes' : 'everything');
    await this.#changes.fresh();
    const took = (): number | undefined => successor.leasesSince(struckMs)[0]?.atMs;
    const takenMs = await eventually(took, { ...PATIENCE, timeoutMs: 60_000 }).catch(() => undefined);
    const renewedMs = leader.leasesSince(0).findLast(({ atMs }) => atMs < (takenMs ?? Infinity))!.atMs;
    await sleep(AFTERWARDS_MS);
    const held = leader.writesSince(0).filter(({ code }) => code === undefined);
    if (way === 'SIGSTOP') process.kill('SIGCONT');
    else leader.api.answerAgain();
    const { code, signal } = await Promise.race([process.exited, sleep(30_000, { code: 'runs on', signal: null })]);
    await sleep(AFTERWARDS_MS);
    const verdict = judgeTakeover({
      deadlineMs: renewedMs + RENEW_DEADLINE_MS,
      takenMs: takenMs ?? Infinity,
      begun: leader.begunSince(struckMs - 1_000),
    });
    await leader.stop();
    const landed = held.filter((write) => (write.code ?? 500) < 300).length;
    const changed = takenMs !== undefined;
    const ended = String(signal ?? code);
    return { app: this.app, way, changed, ended, starved, held: held.length, landed, ...verdict };
  }

  /** Waits until one leads and writes, and the other waits for the Lease; starts again what has ended. */
  async #steady(): Promise<{ leader: Replica; successor: Replica; starved: readonly string[] }> {
    const starved: string[] = [];
    const probe = async (): Promise<{ leader: Replica; successor: Replica } | undefined> => {
      await this.#ensureRunning(starved);
      const leader = await this.#leader();
      const successor = this.replicas.find((replica) => replica !== leader)!;
      const waits = successor.process.lines.some((line) => line.includes('waiting for the lease'));
      const writes = leader !== undefined && leader.begunSince(Date.now() - 3_000).length > 2;
      return waits && writes ? { leader, successor } : undefined;
    };
    return { ...(await eventually(probe, { timeoutMs: 300_000, intervalMs: 250 })), starved };
  }

  async #ensureRunning(starved: string[] = []): Promise<void> {
    for (const replica of this.replicas) {
      // oxlint-disable-next-line no-await-in-loop -- two starts at once on two cores make each the slower
      const ended = await replica.ensureRunning();
      if (ended !== undefined) starved.push(ended);
    }
  }

  async #leader(): Promise<Replica | undefined> {
    const key = { namespace: this.#namespace, name: this.app };
    const holder = (await this.#rig.client.get<Lease>(LEASES, key))?.spec?.holderIdentity;
    return this.replicas.find(({ name }) => name === holder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changes[Symbol.asyncDispose]();
    await Promise.all(this.replicas.map((replica) => replica[Symbol.asyncDispose]()));
  }
}
