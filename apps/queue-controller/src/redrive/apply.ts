import { QUEUE_REDRIVES, type QueueRedriveReason } from '@redis-queue/api';
import {
  planRedrive as countLetters,
  redriveStep,
  whileLeading,
  type CompiledFilter,
  type RedisCall,
  type RedriveStep as LetterStepDone,
} from '@redis-queue/bullmq';
import { isApiFailure, keyOf, type Applied, type KindContext } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import type { RedriveMetrics } from './metrics.ts';
import type { Position, Positions } from './positions.ts';
import type { RedriveObject } from './redrives.ts';
import type { RedriveSources } from './sources.ts';
import type { ObservedRedrive, Problem, RedrivePlace, RedrivePlan, RedriveProgress, RedriveStep } from './steps.ts';

/** What a step needs beside the object. */
export interface RedriveTools {
  readonly sources: RedriveSources;
  readonly positions: Positions;
  readonly metrics: RedriveMetrics;
  /** Ms of a clock that only goes forward. */
  readonly elapsedMs: () => number;
}

type AppliedRedrive = Applied<ObservedRedrive, RedrivePlan, QueueRedriveReason>;

/** Script calls per reconcile, with ≤ 100 dead letters each, and how long they may take together: others have a turn. */
const MAX_CALLS = 10;
const CALLS_MS = 500;
/** It rests four times as long as it worked: at most a fifth of Redis' time for one redrive. */
const REST_FACTOR = 4;
const MIN_REST_MS = 20;
const MAX_WAIT_MS = 2_000;
/** A last call may take as long as its deadline. */
const MAX_REST_MS = 30_000;

/** Carries a redrive's plan out; what Redis throws becomes the problem. */
export async function applyRedrive(
  redrive: RedriveObject,
  { observed, plan }: { readonly observed: ObservedRedrive; readonly plan: RedrivePlan },
  { client, signal, log }: KindContext<QueueRedriveReason>,
  tools: RedriveTools,
): Promise<AppliedRedrive> {
  const step = plan.steps[0] as RedriveStep | undefined;
  if (step?.kind === 'delete') {
    const { uid, resourceVersion } = redrive.metadata;
    await client.delete(QUEUE_REDRIVES, keyOf(redrive), {
      signal,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    });
    log.info('deleted, as ttlSecondsAfterFinished is over');
    return { done: [step] };
  }
  const { place } = observed;
  if (!step || !place) return { done: [] };
  const work: Work = {
    redrive,
    place,
    filter: { ...step.filter, toMs: Math.min(step.filter.toMs, step.untilMs) },
    call: whileLeading(tools.sources.callOf(place.queue, place.access), {
      signal,
      assertLeading: () => tools.sources.assertLeading(),
    }),
    tools,
  };
  try {
    const { problem, ...progress } = step.kind === 'count' ? await count(work) : await putBack(work, step);
    return { done: [step], observed: { ...observed, progress }, ...(problem && { problem }) };
  } catch (error) {
    if (isApiFailure(error) || signal.aborted) return { done: [], failure: { error } };
    return { done: [], problem: tools.sources.problemOf(error, place.access.target).problem };
  }
}

interface Work {
  readonly redrive: RedriveObject;
  readonly place: RedrivePlace;
  /** Of what had failed when the redrive was created. */
  readonly filter: CompiledFilter;
  readonly call: RedisCall;
  readonly tools: RedriveTools;
}

type Progress = RedriveProgress & { readonly problem?: Problem };

const COUNTING: Problem = { reason: 'Counting', message: 'counting the dead letters that match' };

/** Counts on where the last reconcile of this process stopped, or from the oldest dead letter. */
async function count({ redrive, place, filter, call, tools }: Work): Promise<Progress> {
  const { uid = '' } = redrive.metadata;
  const { dryRun, maxJobs = Infinity } = redrive.spec;
  const { targetKey } = place.access;
  const known = tools.positions.of(uid, targetKey);
  let counted = known?.phase === 'counting' ? known.counted : undefined;
  // What it has put back already, should its status be lost, is no dead letter any more.
  const putBackBefore = dryRun ? 0 : place.state.redriven;
  const calls = new Calls(tools.elapsedMs);
  let isKnown = false;
  while (!isKnown && calls.mayGoOn()) {
    // oxlint-disable-next-line no-await-in-loop -- a page after the other
    counted = await countLetters(call, queueRef(place.queue), filter, {
      name: uid,
      pages: 1,
      ...(counted && { before: counted }),
    });
    tools.positions.set(uid, targetKey, { phase: 'counting', counted });
    isKnown = counted.done || putBackBefore + counted.matching >= maxJobs;
  }
  if (!counted || !isKnown) return { ended: false, waitMs: calls.restMs(), problem: COUNTING };
  tools.positions.forget(uid);
  const matched = Math.min(putBackBefore + counted.matching, maxJobs);
  const sample = counted.samples.map(({ id, origin }) => origin ?? id);
  const ended = dryRun || matched <= putBackBefore;
  return {
    matched,
    ...(dryRun ? { sample } : { redriven: putBackBefore }),
    ended,
    waitMs: 0,
    ...(!ended && { problem: redriving(redrive) }),
  };
}

/** Puts back as much as a reconcile may, from where the last one stopped, or from the oldest dead letter. */
async function putBack(
  { redrive, place, filter, call, tools }: Work,
  { fence }: Extract<RedriveStep, { kind: 'putBack' }>,
): Promise<Progress> {
  const { uid = '' } = redrive.metadata;
  const { maxJobsPerSecond: perSecond, maxJobs: most } = redrive.spec;
  const { targetKey } = place.access;
  const known = tools.positions.of(uid, targetKey);
  const begin = (): RedrivePosition => ({
    phase: 'redriving',
    skipped: { exists: 0, again: 0 },
    redriven: place.state.redriven,
  });
  let position = known?.phase === 'redriving' ? known : begin();
  let { redriven } = place.state;
  const calls = new Calls(tools.elapsedMs);
  while (calls.mayGoOn()) {
    const options = { name: uid, filter, perSecond, fence, ...(most !== undefined && { most }) };
    // oxlint-disable-next-line no-await-in-loop -- a step after the other
    const step = await redriveStep(call, queueRef(place.queue), options, position.cursor);
    if (typeof step === 'string') return { redriven, ended: false, waitMs: calls.restMs(), problem: REFUSALS[step] };
    tools.metrics.redriven(step.putBack);
    ({ redriven } = step);
    const hasLost = redriven < position.redriven + step.putBack;
    position = hasLost ? { ...begin(), redriven } : after(position, step);
    tools.positions.set(uid, targetKey, position);
    if (hasLost) continue;
    const { skipped } = position;
    if (step.done) {
      tools.positions.forget(uid);
      return { redriven, skipped, ended: true, waitMs: 0 };
    }
    if (step.waitMs > 0) return goingOn(redrive, redriven, skipped, Math.min(step.waitMs, MAX_WAIT_MS));
  }
  return goingOn(redrive, redriven, position.skipped, calls.restMs());
}

type RedrivePosition = Extract<Position, { phase: 'redriving' }>;

function after({ skipped: { exists, again } }: RedrivePosition, step: LetterStepDone): RedrivePosition {
  const { redriven, cursor } = step;
  const skipped = { exists: exists + step.skipped.exists, again: again + step.skipped.again };
  return { phase: 'redriving', skipped, redriven, ...(cursor && { cursor }) };
}

function goingOn(
  redrive: RedriveObject,
  redriven: number,
  skipped: RedriveProgress['skipped'],
  waitMs: number,
): Progress {
  return { redriven, ...(skipped && { skipped }), ended: false, waitMs, problem: redriving(redrive) };
}

/** Without numbers that move: those have fields of their own, which are written in turn. */
function redriving({ spec }: RedriveObject): Problem {
  const message = `putting back what matches into Queue ${spec.queueRef.name}, at most ${spec.maxJobsPerSecond} jobs per second`;
  return { reason: 'Redriving', message };
}

const REFUSALS: Readonly<Record<'late' | 'ownershipLost', Problem>> = {
  late: { reason: 'RedisBusy', message: 'Redis answers slowly, so nothing was put back; it is tried again' },
  ownershipLost: {
    reason: 'OwnershipLost',
    message: 'an owner mark changed meanwhile, so nothing was put back; it is tried again',
  },
};

/** The calls of one reconcile. */
class Calls {
  readonly #elapsedMs: () => number;
  readonly #beganMs: number;
  #made = 0;

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
    this.#beganMs = elapsedMs();
  }

  mayGoOn(): boolean {
    return this.#made++ < MAX_CALLS && this.#tookMs() < CALLS_MS;
  }

  restMs(): number {
    return Math.min(Math.max(MIN_REST_MS, this.#tookMs() * REST_FACTOR), MAX_REST_MS);
  }

  #tookMs(): number {
    return this.#elapsedMs() - this.#beganMs;
  }
}
