/**
 * How long work may begin in one turn of the event loop. Pieces take a few ms each, the first ones of a process twenty,
 * and twice that where processes share a core.
 */
const TURN_MS = 10;
/** A turn that lasts longer, with the answers that come in during it, is long: the next one is for a single piece. */
const LONG_MS = 2 * TURN_MS;
/** How long parts of what comes in on its own may begin in one turn. */
const PARTS_MS = TURN_MS / 2;

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
  /** Until when parts may follow each other in this turn; undefined: none has been taken in it. */
  #partsEndMs: number | undefined;

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
   * Resolves when the next part of what comes in on its own may be taken, as an event of a watch or a chunk of a list:
   * all of them together have 5 ms of a turn, and each has its part. They wait for no piece of work, as they would fall
   * behind a busy process further and further.
   */
  async nextPart(): Promise<void> {
    if (this.#partsEndMs !== undefined && this.#source.now() < this.#partsEndMs) return;
    await new Promise<void>((resolve) => this.#source.onNextTurn(resolve));
    if (this.#partsEndMs !== undefined) return;
    this.#partsEndMs = this.#source.now() + PARTS_MS;
    // Asked for first in this turn, so that it comes before those who wait for the next.
    this.#source.onNextTurn(() => (this.#partsEndMs = undefined));
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
