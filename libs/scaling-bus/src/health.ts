import { classifyRedisError, type RedisProblem } from '@redis-queue/bullmq';
import { BUS_TLS } from './connection.ts';

/**
 * Checks that have to agree, one every 2.5 s, before the bus counts as lost or found: a failover is over by then, and
 * what follows from a change is work for every pool.
 */
const AGREEING_CHECKS = 2;
/** How long an error that says more than that there is no connection explains why there is none. */
const EVIDENCE_MS = 15_000;

/** What is known of the way to the bus. */
export type BusHealth = 'unknown' | 'works' | RedisProblem;

/** Judges the bus by the errors of its connections and by regular checks. Pure: times come in. */
export class BusMonitor {
  #health: BusHealth = 'unknown';
  #evidence: { readonly problem: RedisProblem; readonly atMs: number } | undefined;
  #failedSince = false;
  #agreeing = 0;

  get health(): BusHealth {
    return this.#health;
  }

  /** Takes down an error of a connection. @param nowMs of a clock that only goes forward */
  failed(error: unknown, nowMs: number): void {
    this.found(classifyRedisError(error, BUS_TLS), nowMs);
  }

  /** Takes down what is wrong with the bus. */
  found(problem: RedisProblem, nowMs: number): void {
    this.#failedSince = true;
    const old = this.#evidence;
    if (old && saysMore(old.problem) && !saysMore(problem) && nowMs - old.atMs < EVIDENCE_MS) return;
    this.#evidence = { problem, atMs: nowMs };
  }

  /**
   * Ends a check; one that failed was taken down with `failed` before.
   *
   * @returns whether `health` has changed. While its reason stays, so does its message, whatever code an error has.
   */
  checked(): boolean {
    const next: BusHealth = this.#failedSince && this.#evidence ? this.#evidence.problem : 'works';
    this.#failedSince = false;
    if (summary(next) === summary(this.#health)) {
      this.#agreeing = 0;
      return false;
    }
    this.#agreeing++;
    // The first check that works is enough: most processes start with a bus that does.
    if (this.#agreeing < AGREEING_CHECKS && !(this.#health === 'unknown' && next === 'works')) return false;
    this.#agreeing = 0;
    this.#health = next;
    return true;
  }
}

function saysMore({ reason }: RedisProblem): boolean {
  return reason !== 'RedisUnreachable' && reason !== 'RedisError';
}

function summary(health: BusHealth): string {
  return typeof health === 'object' ? health.reason : health;
}
