/** Pieces of work of a few ms that begin in one turn of the event loop. The first ones of a process take twenty each. */
const PIECES_PER_TURN = 2;

/**
 * Turns of the event loop for work in many pieces, of which most wait for nothing. Promises alone give nobody else a
 * turn: hundreds of objects of which none has to be written would be worked on in one go, while no Lease is renewed, no
 * probe is answered and no watch is read.
 */
export class LoopTurns {
  readonly #onNextTurn: (run: () => void) => void;
  /** In the order of asking. */
  readonly #waiting: (() => void)[] = [];
  /** Pieces that began in this turn; 0: nobody has asked for the next. */
  #begun = 0;

  /** @param onNextTurn calls back in the next turn, after what came in meanwhile. */
  constructor(onNextTurn: (run: () => void) => void = setImmediate) {
    this.#onNextTurn = onNextTurn;
  }

  /** Resolves when the next piece may begin: at once, or in a later turn when some have begun in this one. */
  async next(): Promise<void> {
    if (this.#begun >= PIECES_PER_TURN) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#begin();
  }

  #begin(): void {
    if (this.#begun++ === 0) this.#onNextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#begun = 0;
    for (const resolve of this.#waiting.splice(0, PIECES_PER_TURN)) {
      this.#begin();
      resolve();
    }
  }
}
