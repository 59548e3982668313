import type { Clock } from '../time/clock.ts';

export interface AddOptions {
  /** Higher goes first. Default 0. */
  priority?: number;
  /** Not before this many milliseconds from now. Default 0. */
  afterMs?: number;
}

/** Called with what happens, for metrics. Durations in seconds. */
export interface WorkQueueObserver {
  added(): void;
  retried(): void;
  /** How many keys of that priority wait to be taken. */
  depth(priority: number, count: number): void;
  waited(seconds: number): void;
  worked(seconds: number): void;
}

export interface WorkQueueOptions {
  clock: Clock;
  observer?: WorkQueueObserver;
  /** The longest back-off of a key, ms. Default 1000 s. */
  maxBackoffMs?: number | undefined;
  /** Whose shares a key uses, the largest first: its namespace, the server it needs. Asked each time it becomes ready. */
  sharesOf?: ((key: string) => readonly string[]) | undefined;
  /** How many keys are worked on at once, of which `Shares` gives each share its part. Default: no share has a limit. */
  capacity?: number | undefined;
}

/** A key that is ready and has not been taken for long. */
export interface WaitingKey {
  readonly key: string;
  /** Which of its shares is used up; undefined when it is only not its turn. */
  readonly usedUp: string | undefined;
}
