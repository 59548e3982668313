import type { Queue, QueueRedriveReason } from '@redis-queue/api';
import type { CompiledFilter, DeadLetterFence, RedriveState } from '@redis-queue/bullmq';
import type { Plan, Problem as KindProblem } from '@redis-queue/controller';
import type { Skipped } from './positions.ts';
import type { OpenAccess } from './sources.ts';

// What planning starts from and ends with.

/** Why a redrive cannot go on now, or what it is at. */
export type Problem = KindProblem<QueueRedriveReason>;

/** Where the dead letters are, and what is said there. */
export interface RedrivePlace {
  readonly queue: Queue;
  readonly access: OpenAccess;
  readonly state: RedriveState;
}

/** The observed state; of a redrive that has nothing to do now it is empty, and nothing was read. */
export interface ObservedRedrive {
  /** The redrive that goes first. */
  readonly ahead?: { readonly name: string; readonly queue: string };
  /** Why Redis could not be read; then there is no `place`. */
  readonly problem?: Problem;
  /** After how many ms this redrive is the one to find out whether its Redis answers again. */
  readonly probeAfterMs?: number;
  readonly place?: RedrivePlace;
  /** What the step of this reconcile came to. */
  readonly progress?: RedriveProgress;
}

export interface RedriveProgress {
  /** Known once all have been counted. */
  readonly matched?: number;
  readonly redriven?: number;
  readonly skipped?: Skipped;
  /** Ids of the oldest jobs that match. */
  readonly sample?: readonly string[];
  /** The redrive has done all that it can. */
  readonly ended: boolean;
  /** How long to wait before the next step. */
  readonly waitMs: number;
}

/** Which dead letters a step is about. */
interface LetterStep {
  readonly filter: CompiledFilter;
  /** Unix ms, by Redis' clock: it is about what failed until then. */
  readonly untilMs: number;
}

export type RedriveStep =
  | { readonly kind: 'delete' }
  | (LetterStep & { readonly kind: 'count' })
  | (LetterStep & { readonly kind: 'putBack'; readonly fence: DeadLetterFence });

export type RedrivePlan = Plan<RedriveStep, QueueRedriveReason>;
