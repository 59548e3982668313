import type { ReadQueueOptions } from './read-queue.ts';

/** The dead letters of a queue, which are read in the midst of it and looked through once more in its end. */
export class ReadingOfLetters {
  readonly #read: (of: Pick<ReadQueueOptions, 'beforeLastLook'>) => Promise<void>;
  readonly #lastLook = Promise.withResolvers<void>();
  #reading: Promise<void> | undefined;

  constructor(read: (of: Pick<ReadQueueOptions, 'beforeLastLook'>) => Promise<void>) {
    this.#read = read;
  }

  /** Reads them but for the last look, or until they cannot be read. @returns what has that look begin, and waits for its end. */
  async begin(): Promise<() => Promise<void>> {
    const isRead = Promise.withResolvers<void>();
    const beforeLastLook = (): Promise<void> => {
      isRead.resolve();
      return this.#lastLook.promise;
    };
    this.#reading = this.#read({ beforeLastLook });
    await Promise.race([isRead.promise, this.#reading]);
    return () => this.finish();
  }

  /** Reads them to their end, from the beginning if nobody has begun. */
  async finish(): Promise<void> {
    this.#lastLook.resolve();
    await (this.#reading ??= this.#read({}));
  }
}
