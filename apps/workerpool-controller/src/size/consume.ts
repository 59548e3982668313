import { WORKER_POOLS } from '@redis-queue/api';
import {
  ApiError,
  ConnectionError,
  describeFailure,
  isConflict,
  isFieldConflict,
  keyOf,
  keyToString,
  type EventRecorder,
  type KubeClient,
  type Log,
  type ObjectCache,
  type ObjectKey,
} from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { parseFence, type BusDropReason, type DecisionContext, type ScalingDecision } from '@redis-queue/scaling-bus';
import { fenceOf, isOurSize } from '../deployment/replicas.ts';
import { applySize } from '../deployment/write.ts';
import { readDeployment } from '../deployment/write.ts';
import { unpackedDeployment } from '../kubernetes/cached-objects.ts';
import type { Deployment, PackedDeployment } from '../kubernetes/objects.ts';
import { chooseVictims, type VictimMetrics } from './deletion-costs.ts';
import { judgeDecision, type DropReason, type Verdict } from './judge.ts';
import { scaledEvent, type DecisionLedger } from './ledger.ts';

/** Counts what becomes of decisions. */
export interface DecisionMetrics extends VictimMetrics {
  /** A decision was acted on. */
  consumed(outcome: 'scale' | 'note'): void;
  /** A decision was not acted on. */
  dropped(reason: DropReason | BusDropReason | 'other-scope'): void;
  /** A decision could not be applied and is delivered again. */
  failed(): void;
  /** So many decisions wait for the turn of their namespace now. */
  waiting(count: number): void;
  /** @param ms from the sample that a decision was made on until it was applied */
  lag(ms: number): void;
}

export interface ConsumeDeps {
  readonly sources: {
    readonly client: KubeClient;
    readonly pools: ObjectCache<PoolObject>;
    readonly deployments: ObjectCache<PackedDeployment>;
  };
  /** The namespaces that this controller looks at; absent: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly ledger: DecisionLedger;
  readonly events: EventRecorder;
  readonly metrics: DecisionMetrics;
  readonly log: Log;
  /** Has the pool's status written. */
  reconcileSoon(key: ObjectKey): void;
  now(): Date;
}

/** The Deployment's controller writes its status on every pod, which moves the resourceVersion. */
const MAX_CONFLICTS = 5;
/** What hangs is given up, and said, within 10 s; the bus delivers the decision again. */
const DECISION_TIMEOUT_MS = 5_000;
/** A pool without a Deployment for longer than this lacks something, as its status says. */
const NEW_MS = 30_000;

/** The pool is in a namespace that this controller does not look at: another one on the same bus does. */
export class OtherScopeError extends Error {
  override readonly name = 'OtherScopeError';
}

/**
 * Acts on one decision of the bus. Resolves when it is applied, noted or dropped.
 *
 * @throws OtherScopeError when the pool is not ours, and others when the API server cannot be reached or the Deployment
 * changes too fast: the bus delivers again, perhaps to another consumer.
 */
export async function consumeDecision(
  decision: ScalingDecision,
  context: DecisionContext,
  deps: ConsumeDeps,
): Promise<Verdict> {
  const { uid, namespace, name } = decision.pool;
  if (deps.namespaces && !deps.namespaces.includes(namespace))
    throw new OtherScopeError(`namespace ${namespace} is none of ${deps.namespaces.join(', ')}`);
  const { ledger } = deps;
  ledger.begin(uid);
  let isNews = false;
  try {
    const verdict = await actOn(decision, context, { ...deps, signal: AbortSignal.timeout(DECISION_TIMEOUT_MS) });
    isNews = ledger.applied(uid);
    return verdict;
  } catch (error) {
    isNews = isRefused(error) && ledger.notApplied(uid, describeFailure(error), deps.now().getTime());
    throw error;
  } finally {
    if (ledger.done(uid) || isNews) deps.reconcileSoon({ namespace, name });
  }
}

/** Whether the API server refused what the decision asks for, or did not answer. A conflict is tried again, and no news. */
function isRefused(error: unknown): boolean {
  return (error instanceof ApiError && !isConflict(error)) || error instanceof ConnectionError;
}

async function actOn(
  decision: ScalingDecision,
  { nowMs: busNowMs }: DecisionContext,
  deps: ConsumeDeps & { readonly signal: AbortSignal },
): Promise<Verdict> {
  const { uid } = decision.pool;
  const { client } = deps.sources;
  const { signal } = deps;
  const key = { namespace: decision.pool.namespace, name: decision.pool.name };
  for (let conflicts = 0; ; conflicts++) {
    const pool = await readPool(decision, key, deps);
    const shown = pool && conflicts === 0 ? shownDeployment(pool, deps) : undefined;
    const deployment = shown ?? (pool && (await readDeployment(pool, client, signal)));
    const seen = deps.ledger.seen(uid) ?? parseFence(pool?.status?.autoscaling?.decision);
    let verdict = judgeDecision(decision, { pool, deployment, seen, busNowMs, nowMs: deps.now().getTime() });
    if (verdict.kind === 'scale' && verdict.held) {
      const choice = await chooseVictims(key, verdict.to, verdict.held, { ...deps, client });
      if (choice.kind === 'postponed') verdict = { kind: 'drop', reason: 'pods-starting', message: choice.message };
      else deps.ledger.choseVictims(uid, choice.kind === 'refused' ? choice.problem : undefined);
    }
    if (verdict.kind === 'scale') {
      try {
        await applySize(client, deployment!, { ...verdict, replicas: verdict.to }, { force: !shown, signal });
      } catch (error) {
        const hidden = shown && isFieldConflict(error);
        if (!(isConflict(error) || hidden) || conflicts >= MAX_CONFLICTS) throw error;
        continue;
      }
    }
    if (verdict.kind === 'drop' && verdict.reason === 'no-deployment' && isNew(pool, deps.now().getTime())) {
      throw new Error(
        `WorkerPool ${keyToString(key)} is new and has no Deployment yet; the decision is delivered again`,
      );
    }
    report(decision, verdict, pool, deps);
    return verdict;
  }
}

/** The reconciler is about to create its Deployment: the bus delivers again within its attempts, 2.5 s in all. */
function isNew(pool: PoolObject | undefined, nowMs: number): boolean {
  return nowMs - Date.parse(pool?.metadata.creationTimestamp ?? '') < NEW_MS;
}

/** From the cache, unless the decision was made on a spec that is not cached yet. */
async function readPool(
  decision: ScalingDecision,
  key: ObjectKey,
  { sources, signal }: Pick<ConsumeDeps, 'sources'> & { readonly signal: AbortSignal },
): Promise<PoolObject | undefined> {
  const cached = sources.pools.get(key);
  const behind =
    !cached ||
    cached.metadata.uid !== decision.pool.uid ||
    (cached.metadata.generation ?? 0) < decision.pool.generation;
  return behind ? sources.client.get<PoolObject>(WORKER_POOLS, key, { signal }) : cached;
}

/**
 * From the cache, while it shows the size that we wrote last: then hardly anybody contests it. The size is written on the
 * version that was seen and not over others, so a cache that lags, or that hides another owner of the size, costs a
 * conflict and a read, never a wrong size.
 */
function shownDeployment(pool: PoolObject, { sources, ledger }: ConsumeDeps): Deployment | undefined {
  const packed = sources.deployments.get(keyOf(pool));
  if (!packed) return undefined;
  const cached = unpackedDeployment(packed);
  if (!isOurSize(cached)) return undefined;
  return ledger.isShown(pool.metadata.uid ?? '', fenceOf(cached)) ? cached : undefined;
}

function report(decision: ScalingDecision, verdict: Verdict, pool: PoolObject | undefined, deps: ConsumeDeps): void {
  const { ledger, metrics, events, log } = deps;
  const { uid, namespace, name } = decision.pool;
  const where = { pool: keyToString({ namespace, name }), decision: `${decision.epoch}.${decision.sequence}` };
  if (verdict.kind === 'drop') {
    metrics.dropped(verdict.reason);
    log.debug({ ...where, reason: verdict.reason }, `decision dropped: ${verdict.message}`);
    return;
  }
  metrics.consumed(verdict.kind);
  ledger.note(decision);
  if (verdict.kind === 'scale' && pool) {
    const { from, to } = verdict;
    const scaling = { atMs: deps.now().getTime(), from, to, reason: decision.reason };
    ledger.scaled(uid, scaling, verdict.fence);
    events.record(pool, { type: 'Normal', ...scaledEvent(scaling) });
    log.info({ ...where, from, to }, `scaled: ${decision.reason}`);
  }
  deps.reconcileSoon({ namespace, name });
}
