/**
 * How long work may begin in one turn of the event loop. Pieces take a few ms each, the first ones of a process twenty,
 * and twice that where processes share a core.
 */
const TURN_MS = 10;
/** A turn that lasts longer, with the answers that come in during it, is long: the next one is for a single piece. */
const LONG_MS = 2 * TURN_MS;
/** How long the events of a stream may take in one turn. */
const STREAM_MS = TURN_MS / 2;

/** What turns are made of; replaced in tests. */
export interface TurnSource {
  /** In ms. */
  readonly now: () => number;
  /** Calls back when what has begun waits for something or is done. */
  readonly whenCalm: (run: () => void) => void;
  /** Calls back in the next turn, after what came in meanwhile. */
  readonly onNextTurn: (run: () => void) => void;
}

const EVENT_LOOP: TurnSource = {
  now: () => performance.now(),
  // Promises go first then: Node goes through its ticks again once no promise has anything left to do.
  whenCalm: (run) => queueMicrotask(() => process.nextTick(run)),
  onNextTurn: setImmediate,
};

/**
 * Turns of the event loop for work in many pieces, of which most wait for nothing. Promises alone give nobody else a
 * turn: hundreds of objects of which none has to be written would be worked on in one go, while no Lease is renewed, no
 * probe is answered and no watch is read.
 */
export class LoopTurns {
  readonly #source: TurnSource;
  /** In the order of asking. */
  readonly #waiting: (() => void)[] = [];
  /** When this turn began; undefined: no piece has begun in it. */
  #beganMs: number | undefined;
  /** The turn before was long. */
  #late = false;
  /** A piece has begun that may go on without a wait. */
  #busy = false;

  constructor(source: TurnSource = EVENT_LOOP) {
    this.#source = source;
  }

  /**
   * Resolves when the next piece may begin: once those before it wait for something, and in a later turn when this one
   * has lasted for long enough.
   */
  async next(): Promise<void> {
    if (this.#waiting.length > 0 || !this.#hasRoom()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#begin();
  }

  /**
   * For a stream of pieces that take next to no time, as the events of a watch: those that follow each other share 5 ms
   * of a turn. They wait for no other piece, as they would fall behind a busy process further and further.
   */
  stream(): () => Promise<void> {
    let endsMs = Number.NEGATIVE_INFINITY;
    return async () => {
      if (this.#source.now() < endsMs) return;
      await new Promise<void>((resolve) => this.#source.onNextTurn(resolve));
      endsMs = this.#source.now() + STREAM_MS;
    };
  }

  /** Nobody knows before how long a piece takes, so they begin one after the other. */
  #hasRoom(): boolean {
    if (this.#busy) return false;
    return this.#beganMs === undefined || (!this.#late && this.#source.now() - this.#beganMs < TURN_MS);
  }

  #begin(): void {
    this.#busy = true;
    this.#source.whenCalm(() => {
      this.#busy = false;
      this.#beginWaiting();
    });
    if (this.#beganMs !== undefined) return;
    const beganMs = this.#source.now();
    this.#beganMs = beganMs;
    this.#source.onNextTurn(() => {
      this.#beganMs = undefined;
      this.#late = this.#waiting.length > 0 && this.#source.now() - beganMs > LONG_MS;
      this.#beginWaiting();
    });
  }

  #beginWaiting(): void {
    if (this.#waiting.length === 0 || !this.#hasRoom()) return;
    this.#begin();
    this.#waiting.shift()!();
  }
}

/** The turns of this process, which all of its work shares. */
export const loopTurns = new LoopTurns();
