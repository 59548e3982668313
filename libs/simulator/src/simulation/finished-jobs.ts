import type { TakenJobs } from './scaler.ts';

/** More are not kept, as no sample reads more. */
const MOST_RETAINED = 1_000;

/** What has finished since somebody read it, as `sampleFinished` reads BullMQ's completed set. */
export class FinishedJobs {
  readonly #newest: { readonly waitMs: number | undefined; readonly serviceMs: number }[] = [];
  #count = 0;

  /** @param waitMs undefined of a job that was started more than once: when it became ready is not recorded. */
  add(waitMs: number | undefined, serviceMs: number): void {
    this.#count++;
    this.#newest.push({ waitMs, serviceMs });
    if (this.#newest.length > MOST_RETAINED) this.#newest.splice(0, MOST_RETAINED / 2);
  }

  take(most: number): TakenJobs {
    const jobs = this.#newest.slice(-most).toReversed();
    const completed = this.#count;
    this.#newest.length = 0;
    this.#count = 0;
    return {
      completed,
      waitsMs: jobs.flatMap(({ waitMs }) => (waitMs === undefined ? [] : [Math.floor(waitMs)])),
      serviceMs: jobs.map(({ serviceMs }) => Math.round(serviceMs)),
    };
  }
}
