import type { ScalingDecision } from '@redis-queue/scaling-bus';
import { decisionMessage, type Outgoing } from './message.ts';

/** The part of the bus that publishing needs; see `@redis-queue/scaling-bus`. */
export interface DecisionBus {
  publish(decision: ScalingDecision): Promise<void>;
  /** How many decisions on the bus have not been acted on yet. */
  unread(): Promise<number>;
  /** The bus's Redis time, Unix ms. */
  timeMs(): Promise<number>;
}

/** A Redis that took over may have another clock: for up to this long it may drop decisions as expired. */
const CLOCK_REFRESH_MS = 900;
const UNREAD_REFRESH_MS = 500;
/** Four times as many decisions as the consumer handles at once: it is behind, not idle. */
const BEHIND = 32;

/**
 * Publishes under one epoch: the bus's Redis time when leadership was taken, or one above every epoch published before
 * where that clock was set back, as after a failover to another server. A later leader has a later epoch and wins at
 * every consumer, whatever this process still sends.
 */
export class EpochPublisher {
  readonly epoch: number;
  readonly #bus: DecisionBus;
  #sequence = 0;
  /** Bus time minus local time. */
  #offsetMs: number;
  #readAtMs: number;
  #reading = false;
  #unread = 0;
  #unreadAtMs = -Infinity;

  private constructor(bus: DecisionBus, epoch: number, busNowMs: number, nowMs: number) {
    this.#bus = bus;
    this.epoch = epoch;
    this.#offsetMs = busNowMs - nowMs;
    this.#readAtMs = nowMs;
  }

  /**
   * Takes the epoch. Call it after leadership was taken, never before.
   *
   * @param latestEpoch the latest epoch that any pool's status names; 0 when none does.
   * @throws when the bus does not answer: try again later; nothing can be published until then anyway.
   */
  static async begin(bus: DecisionBus, now: () => number, latestEpoch: number): Promise<EpochPublisher> {
    const busNowMs = await bus.timeMs();
    return new EpochPublisher(bus, Math.max(busNowMs, latestEpoch + 1), busNowMs, now());
  }

  /**
   * Whether the consumer is behind: what was published waits on the bus and is not lost. The answer is up to half a
   * second old, because asking for every pool must cost nothing.
   */
  isBehind(nowMs: number): boolean {
    void this.#readUnreadIfOld(nowMs);
    return this.#unread >= BEHIND;
  }

  /** @param sampledAtMs local time of the newest sample that the decision rests on. */
  async publish(outgoing: Outgoing, sampledAtMs: number, nowMs: number): Promise<void> {
    void this.#readClockIfOld(nowMs);
    const stamp = {
      epoch: this.epoch,
      sequence: ++this.#sequence,
      sampledAt: sampledAtMs + this.#offsetMs,
      busNowMs: nowMs + this.#offsetMs,
    };
    await this.#bus.publish(decisionMessage(outgoing, nowMs, stamp));
  }

  async #readUnreadIfOld(nowMs: number): Promise<void> {
    if (nowMs - this.#unreadAtMs < UNREAD_REFRESH_MS) return;
    this.#unreadAtMs = nowMs;
    // Unknown counts as none, so that decisions are repeated.
    this.#unread = await this.#bus.unread().catch(() => 0);
  }

  /** The two clocks drift apart slowly, so that the old offset serves when the clock cannot be read. */
  async #readClockIfOld(nowMs: number): Promise<void> {
    if (this.#reading || nowMs - this.#readAtMs < CLOCK_REFRESH_MS) return;
    this.#reading = true;
    this.#readAtMs = nowMs;
    try {
      this.#offsetMs = (await this.#bus.timeMs()) - nowMs;
    } catch {
      // The bus does not answer: `publish` reports it.
    }
    this.#reading = false;
  }
}
