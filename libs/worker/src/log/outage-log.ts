import type { Log, LogFields } from './log.ts';

/** How often the same failure is told of while Redis is connected, ms. */
const REPEAT_MS = 60_000;
/** Most failures that are remembered. */
const MOST = 200;
/** What an open connection ends with; that it is lost, or another one cannot be opened, is said by itself. */
const ENDED = /ECONNRESET|EPIPE|ECONNABORTED/;
/** What a command fails with that needed a connection. */
const CLOSED = /Connection is closed/;

/** A failure, and where it was met: the error, and the fields of its line. */
type Failure = LogFields & { error: unknown };

interface Said {
  atMs: number;
  /** How often it was met since, without a line. */
  repeated: number;
}

/**
 * Tells of Redis so that an outage costs a few lines, however long it lasts: every connection of a pod retries several
 * times a second, and all that runs meets the same failure.
 *
 * One line says that the connection is lost, one that it is back, and in between each reason is said once. While it is
 * there the same failure in the same place is said once a minute, since nobody knows when that is over.
 */
export class OutageLog {
  readonly #log: Log;
  /** Monotonic ms. */
  readonly #now: () => number;
  readonly #said = new Map<string, Said>();
  /** Since when the connection is lost; undefined while it is there, and before the first one. */
  #lostMs: number | undefined;
  #connected = false;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** The connection is there, for the first time or again. */
  connected(): void {
    const awayMs = this.#lostMs === undefined ? undefined : Math.round(this.#now() - this.#lostMs);
    this.#connected = true;
    this.#lostMs = undefined;
    this.#said.clear();
    this.#log.info('connected to Redis', awayMs === undefined ? {} : { awayMs });
  }

  /** The connection was closed, or another attempt to connect has failed. */
  lost(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#lostMs = this.#now();
    this.#said.clear();
    this.#log.warn('lost the connection to Redis; reconnecting');
  }

  /** Tells of a failure, unless it was told of already or is only a consequence. */
  warn(message: string, failure: Failure): void {
    const text = textOf(failure.error);
    if ((this.#connected ? ENDED : CLOSED).test(text)) return;
    const { error: _, ...where } = failure;
    // while Redis is away the place is no news, and messages count attempts and pauses
    const key = this.#connected ? `${message} ${JSON.stringify(where)} ${text}` : text.replaceAll(/\d+/g, '#');
    const said = this.#said.get(key);
    const nowMs = this.#now();
    if (said && (!this.#connected || nowMs - said.atMs < REPEAT_MS)) {
      said.repeated++;
      return;
    }
    this.#remember(key, nowMs);
    this.#log.warn(message, { ...failure, ...(said && { repeated: said.repeated }) });
  }

  #remember(key: string, atMs: number): void {
    // the oldest is the first
    this.#said.delete(key);
    const [oldest] = this.#said.keys();
    if (this.#said.size >= MOST) this.#said.delete(oldest!);
    this.#said.set(key, { atMs, repeated: 0 });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
