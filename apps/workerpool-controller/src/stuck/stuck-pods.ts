import { timestamp, type KindContext } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { compareFence, type ScalingDecision } from '@redis-queue/scaling-bus';
import type { Problem, Reason } from '../kubernetes/reasons.ts';
import type { Pod } from '../pods/pods.ts';
import { planReplacement, replacesStuck, type Replacement } from './plan.ts';
import { replacePod } from './replace.ts';
import { findSilence, NO_SILENCE, type Silence } from './silence.ts';

/** What the status has to say of pods that are stuck. */
export interface StuckFacts {
  readonly replacement?: Replacement | undefined;
  readonly problem?: Problem | undefined;
  /** The pod that the status names is to be replaced as soon as it does. */
  readonly announced?: true;
}

export interface StuckMetrics {
  podReplaced(result: 'replaced' | 'refused'): void;
}

interface Entry {
  readonly decision: ScalingDecision;
  readonly atMs: number;
  readonly silence: Silence;
  facts: StuckFacts;
}

/** What a decision says of who speaks to Redis holds for so long. */
const HOLDS_MS = 30_000;
/** Who speaks is said about once a minute. What was not said for longer, as while the bus is out, nobody knows. */
const MOST_BETWEEN_MS = 150_000;

/**
 * Replaces pods that are stuck, where a pool asks for it. What it remembers, which pods have had no connection since when,
 * begins anew after a restart; which pod was replaced last is in the status.
 */
export class StuckPods {
  readonly #entries = new Map<string, Entry>();
  readonly #metrics: StuckMetrics;

  constructor(metrics: StuckMetrics) {
    this.#metrics = metrics;
  }

  /**
   * Takes the next step, at most one per decision and one right after the status has named the pod.
   *
   * @param decision the newest; undefined: none since this process began, and what the status says stays.
   */
  async act(
    pool: PoolObject,
    pods: readonly Pod[],
    decision: ScalingDecision | undefined,
    context: Pick<KindContext<Reason>, 'client' | 'signal' | 'now' | 'event'>,
  ): Promise<StuckFacts | undefined> {
    const uid = pool.metadata.uid ?? '';
    if (!replacesStuck(pool)) {
      this.forget(uid);
      return {};
    }
    if (decision === undefined) return undefined;
    const nowMs = context.now().getTime();
    const before = this.#entries.get(uid);
    const isNew = before === undefined || compareFence(decision, before.decision) > 0;
    const isDue = before?.facts.announced === true && nowMs - before.atMs < HOLDS_MS;
    // One that was announced and could not be replaced in time waits for the next decision.
    if (!isNew && !isDue) return { problem: before.facts.problem, replacement: pool.status?.replacement };
    const known = before !== undefined && nowMs - before.atMs < MOST_BETWEEN_MS ? before.silence : NO_SILENCE;
    const silence = isNew ? findSilence(pods, decision.clients, known, nowMs) : before.silence;
    const entry: Entry = { decision, atMs: isNew ? nowMs : before.atMs, silence, facts: {} };
    this.#entries.set(uid, entry);
    entry.facts = await this.#step(pool, pods, silence, context);
    return entry.facts;
  }

  async #step(
    pool: PoolObject,
    pods: readonly Pod[],
    silence: Silence,
    { client, signal, now, event }: Pick<KindContext<Reason>, 'client' | 'signal' | 'now' | 'event'>,
  ): Promise<StuckFacts> {
    const replacement = pool.status?.replacement;
    const plan = planReplacement(pool, pods, silence, now().getTime());
    if (plan.kind === 'nothing') return { replacement };
    if (plan.kind === 'wait') return { replacement, problem: plan.problem };
    const { name } = plan.pod.metadata;
    const said = { pod: name, time: timestamp(now().getTime()) };
    if (plan.kind === 'announce') return { replacement: said, announced: true };
    const replaced = await replacePod(client, pool.metadata.name, plan.pod, { signal });
    if (replaced.kind === 'changed') return { replacement };
    if (replaced.kind === 'refused') {
      this.#metrics.podReplaced('refused');
      return { replacement, problem: replaced.problem };
    }
    this.#metrics.podReplaced('replaced');
    event('PodReplaced', `Pod ${name} had not spoken to Redis for five minutes and was deleted`, 'Warning');
    return { replacement: said };
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }
}
