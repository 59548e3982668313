import {
  describeTarget,
  FairTurns,
  ownMark,
  QUEUES_PER_CALL,
  whileLeading,
  type OwnerMark,
  type RedisCall,
  type RedisConnections,
  type RedisTarget,
} from '@redis-queue/bullmq';
import { delay, keyOf, systemClock, type ObjectKey } from '@redis-queue/controller';
import { callRedis, type CircuitBreakers, type QueueObject, type RedisAccess } from '@redis-queue/redis-access';
import { samplingGroups, type SamplingGroup } from '../turns/sampling-groups.ts';
import { SamplingTurns, type Turn } from '../turns/sampling-turns.ts';
import {
  allowsUpkeep,
  UPKEEP_EVENTS,
  type Duty,
  type DutyOutcome,
  type Problem,
  type UpkeepAction,
  type UpkeepCounts,
} from './duty.ts';
import type { UpkeepMetrics } from './metrics.ts';
import type { UpkeepReports } from './reports.ts';
import type { UpkeepTallies } from './tallies.ts';

/** Of one Redis: after this its turn begins no further step. The next round goes on with who waited the longest. */
const TURN_MS = 4_000;
/** A queue that has been due for longer says so. */
const LATE_MS = 60_000;
/** Queues that are worked on together: as many as one round trip reads the marks of. */
const QUEUES_PER_STEP = 4 * QUEUES_PER_CALL;
const WORDS = {
  work: 'recurring work',
  consequence: 'dead letters, retention and priorities of this queue have their turn every few rounds only',
};

export interface UpkeepDeps {
  readonly connections: RedisConnections;
  readonly breakers: CircuitBreakers;
  readonly metrics: UpkeepMetrics;
  readonly reports: UpkeepReports;
  readonly tallies: UpkeepTallies;
  readonly listQueues: () => QueueObject[];
  /** How a queue's Redis is reached. */
  readonly resolve: (queue: QueueObject) => RedisAccess;
  /** As the owner mark names the object. */
  readonly ownerOf: (queue: QueueObject) => string;
  /** What went wrong with Redis, without a credential. */
  readonly problemOf: (error: unknown, target: RedisTarget) => Problem;
  /** @throws WritesStoppedError when another may lead by now. */
  readonly assertLeading: () => void;
  /** Called with a queue whose conditions have to say something else. */
  readonly onNews: (key: ObjectKey) => void;
  readonly event: (queue: QueueObject, action: UpkeepAction, jobs: number) => void;
  /** Called with what ended a round before its end. */
  onRoundFailed(error: unknown): void;
}

/**
 * Rounds of one duty over all queues that want it: each Redis has its turn, as it has for samples, and within it the
 * queues that are due, tenants in turns and who waits the longest first. A round does not wait for the one before it: a
 * Redis whose turn lasts, or that hangs, has its next one when that has ended.
 */
export class UpkeepRounds {
  readonly #duty: Duty;
  readonly #deps: UpkeepDeps;
  readonly #turns = new SamplingTurns(systemClock, WORDS);
  /** When a queue is due, by its uid and generation: a spec that was changed has its turn at once. */
  readonly #dueMs = new Map<string, number>();
  /** Queues, as above, whose last turn failed before they were reported. */
  readonly #failedOnce = new Set<string>();
  /** The Redis targets that wait for their turn, or have it. */
  readonly #underWay = new Set<string>();

  constructor(duty: Duty, deps: UpkeepDeps) {
    this.#duty = duty;
    this.#deps = deps;
  }

  /** Works until `signal` aborts; then it ends at once, whatever hangs. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Whatever a round meets, the next is another try: the process serves every tenant.
      this.round(signal).catch((error: unknown) => {
        if (!signal.aborted) this.#deps.onRoundFailed(error);
      });
      await delay(systemClock, this.#duty.everyMs, signal);
    }
  }

  /** One round over the queues that are due. */
  async round(signal: AbortSignal): Promise<void> {
    const { resolve, listQueues } = this.#deps;
    const wanting = listQueues().filter((queue) => allowsUpkeep(queue) && this.#duty.wants(queue));
    this.#forgetAllBut(wanting);
    const nowMs = systemClock.now();
    for (const queue of wanting) if (!this.#dueMs.has(dueKey(queue))) this.#dueMs.set(dueKey(queue), nowMs);
    const due = wanting.filter((queue) => this.#dueOf(queue) <= nowMs);
    // To whose Redis there is no way, Ready says so.
    const all = samplingGroups(due, resolve, () => {});
    const groups = all.filter(({ key }) => !this.#underWay.has(key));
    const others = all.filter(({ key }) => this.#underWay.has(key));
    if (groups.length === 0) return;
    for (const { key } of groups) this.#underWay.add(key);
    await this.#turns.round(groups, {
      others,
      sample: (group, waits) => this.#turn(group, waits, signal).finally(() => this.#underWay.delete(group.key)),
      onMissed: ({ key, queues }, waits) => {
        this.#underWay.delete(key);
        this.#deps.metrics.failed(this.#duty.name, 'WaitingForTurn');
        if (waits) for (const queue of queues) this.#note(queue, waits);
      },
    });
  }

  async #turn(group: SamplingGroup, waits: Problem | undefined, signal: AbortSignal): Promise<Turn<never>> {
    const { metrics, ownerOf, problemOf } = this.#deps;
    const begunMs = systemClock.now();
    const unreported = new Set(group.queues);
    const report = (queue: QueueObject, outcome: DutyOutcome): void => {
      unreported.delete(queue);
      this.#report(queue, outcome, { group, waits });
    };
    let answered = false;
    const call = this.#callOf(group, signal, () => (answered = true));
    const turn = {
      call,
      now: () => systemClock.now(),
      sleep: (ms: number, until: AbortSignal) => delay(systemClock, ms, until),
      random: Math.random,
      endMs: begunMs + TURN_MS,
      signal,
      ownMark: (queue: QueueObject, raw: string | undefined) => stayingMark(raw, ownerOf(queue)),
      report,
    };
    const ordered = this.#inOrder(group.queues);
    try {
      for (let at = 0; at < ordered.length && turn.now() < turn.endMs && !signal.aborted; at += QUEUES_PER_STEP)
        await this.#duty.work(ordered.slice(at, at + QUEUES_PER_STEP), turn);
      for (const queue of unreported) this.#failedOnce.delete(dueKey(queue));
      this.#sayLate(unreported, group);
    } catch (error) {
      if (signal.aborted) return { read: [], answered };
      const problem = problemOf(error, group.target);
      metrics.failed(this.#duty.name, problem.reason);
      this.#sayFailed(unreported, problem, group);
    }
    metrics.took(this.#duty.name, (systemClock.now() - begunMs) / 1_000);
    return { read: [], answered };
  }

  /**
   * Of queues that were not reported when a turn failed. Of a Redis that was too slow for some, the next round begins with
   * these: only those that fail again say so.
   */
  #sayFailed(unreported: ReadonlySet<QueueObject>, problem: Problem, group: SamplingGroup): void {
    const isWhole = unreported.size === group.queues.length;
    const failedOnce: QueueObject[] = [];
    for (const queue of unreported) {
      if (isWhole || this.#failedOnce.has(dueKey(queue))) this.#note(queue, problem);
      else failedOnce.push(queue);
      this.#failedOnce.add(dueKey(queue));
    }
    this.#sayLate(failedOnce, group);
  }

  /** Of queues for which the turn was too short, those that have waited for long. */
  #sayLate(queues: Iterable<QueueObject>, { target }: SamplingGroup): void {
    const sinceMs = systemClock.now() - LATE_MS;
    const message = `${describeTarget(target)} has more queues with work than turns of ${TURN_MS / 1_000} s allow, and this one has waited for over a minute; those that have waited the longest are next`;
    for (const queue of queues) {
      if (this.#dueOf(queue) > sinceMs) continue;
      this.#deps.metrics.failed(this.#duty.name, 'WaitingForTurn');
      this.#note(queue, { reason: 'WaitingForTurn', message });
    }
  }

  #callOf({ key, target, namespace }: SamplingGroup, signal: AbortSignal, onAnswer: () => void): RedisCall {
    const { connections, breakers, assertLeading } = this.#deps;
    const clients = { connections, breakers };
    const guarded = whileLeading((call) => callRedis(clients, { target, targetKey: key, namespace }, call), {
      signal,
      assertLeading,
    });
    return async (call) => {
      const result = await guarded(call);
      onAnswer();
      return result;
    };
  }

  #report(
    queue: QueueObject,
    { dueMs, notices = {}, done = {}, notOwn = false, reconciles = false, error }: DutyOutcome,
    { group: { target }, waits }: { readonly group: SamplingGroup; readonly waits: Problem | undefined },
  ): void {
    const { reports, problemOf, metrics, onNews } = this.#deps;
    const { name, everyMs, conditions } = this.#duty;
    this.#failedOnce.delete(dueKey(queue));
    this.#dueMs.set(dueKey(queue), systemClock.now() + (error === undefined ? dueMs : Math.max(dueMs, everyMs)));
    this.#tally(queue, done);
    const problem = error === undefined ? waits : problemOf(error, target);
    if (error !== undefined && problem) metrics.failed(name, problem.reason);
    const takenBack = notOwn ? Object.fromEntries(conditions.map((type) => [type, undefined])) : {};
    const said = { ...takenBack, ...notices, UpkeepFailed: problem && failure(this.#duty, problem) };
    if (reports.note(queue, name, said) || reconciles) onNews(keyOf(queue));
  }

  #note(queue: QueueObject, problem: Problem): void {
    const { reports, onNews } = this.#deps;
    if (reports.note(queue, this.#duty.name, { UpkeepFailed: failure(this.#duty, problem) })) onNews(keyOf(queue));
  }

  #tally(queue: QueueObject, done: UpkeepCounts): void {
    const { metrics, tallies, event } = this.#deps;
    for (const [action, jobs] of Object.entries(done) as [UpkeepAction, number][]) {
      if (jobs > 0) metrics.done(action, jobs);
      const said = UPKEEP_EVENTS[action] === undefined ? 0 : tallies.add(uidOf(queue), action, jobs);
      if (said > 0) event(queue, action, said);
    }
  }

  /** Tenants in turns, and of each who has been due for the longest first. */
  #inOrder(queues: readonly QueueObject[]): QueueObject[] {
    const byDue = queues.toSorted((a, b) => this.#dueOf(a) - this.#dueOf(b));
    const turns = new FairTurns(byDue.map((queue) => ({ tenant: queue.metadata.namespace ?? '', queue })));
    return [...turns.drain()].map(({ queue }) => queue);
  }

  #dueOf(queue: QueueObject): number {
    return this.#dueMs.get(dueKey(queue)) ?? 0;
  }

  #forgetAllBut(wanting: readonly QueueObject[]): void {
    const known = new Set(wanting.map(dueKey));
    for (const key of this.#dueMs.keys()) if (!known.has(key)) this.#dueMs.delete(key);
    for (const key of this.#failedOnce) if (!known.has(key)) this.#failedOnce.delete(key);
    this.#duty.forgetAllBut?.(new Set(wanting.map(uidOf)));
  }
}

const DUTY_WORDS: Readonly<Record<Duty['name'], string>> = {
  deadLetters: 'dead letters (spec.dlqPolicy) are not seen to',
  retention: 'spec.retention is not enforced',
  priorities: 'spec.priorities is not checked',
};

function failure({ name }: Duty, { reason, message }: Problem): Problem {
  return { reason, message: `${DUTY_WORDS[name]}: ${message}` };
}

function dueKey({ metadata: { uid = '', generation = 0 } }: QueueObject): string {
  return `${uid} ${generation}`;
}

function uidOf({ metadata: { uid = '' } }: QueueObject): string {
  return uid;
}

/** The owner mark, where it says that the queue is this object's and that nobody removes it. */
function stayingMark(raw: string | undefined, owner: string): OwnerMark | undefined {
  const mark = ownMark(raw, owner);
  return mark?.removal ? undefined : mark;
}
