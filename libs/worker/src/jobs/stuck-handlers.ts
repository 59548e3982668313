import type { Log } from '../log/log.ts';
import type { Slots } from '../queues/slots.ts';

/**
 * The handlers that go on although their job has failed by `jobTimeout`, because they do not listen to their signal.
 * Nothing can end them but the end of the process, or of their own where they are files. Each keeps a slot for as long
 * as it runs, since it still uses CPU and memory: a pod never runs more handlers than it has slots. One that has not
 * ended after another grace is stuck: its slot is given up, which the pod's metrics, probes and reports say.
 */
export class StuckHandlers {
  readonly #slots: Pick<Slots, 'occupy'>;
  readonly #onChange: () => void;
  #count = 0;

  /** @param onChange the number of stuck handlers is another one */
  constructor(slots: Pick<Slots, 'occupy'>, onChange: () => void) {
    this.#slots = slots;
    this.#onChange = onChange;
  }

  /** How many are stuck now. */
  get count(): number {
    return this.#count;
  }

  /**
   * Follows a handler whose job has failed without it, until it ends.
   *
   * @param handler settles when it ends @param graceMs how long it may still take before it is stuck @param log the job's
   */
  watch(handler: Promise<unknown>, graceMs: number, log: Log): void {
    const giveBack = this.#slots.occupy();
    let stuck = false;
    const timer = setTimeout(() => {
      stuck = true;
      this.#change(1);
      log.error(
        'the handler goes on although its job has failed by jobTimeout; the pod has one slot less until it ends. Pass the signal on to what it waits for',
      );
    }, graceMs).unref();
    const ended = (): void => {
      clearTimeout(timer);
      giveBack();
      if (!stuck) return;
      this.#change(-1);
      log.warn('a stuck handler has ended; the pod has its slot again');
    };
    void handler.then(ended, ended);
  }

  #change(by: number): void {
    this.#count += by;
    this.#onChange();
  }
}
