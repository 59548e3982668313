import type { BusHealth, BusSource } from '@redis-queue/scaling-bus';

/** Whether decisions can arrive, and why not. */
export type BusState =
  /** Where the bus is, is known; whether it answers is being tried. */
  | { readonly state: 'unknown' | 'works' }
  /** `absent`: nothing says where the bus is. `unusable`: it cannot be reached, or refuses. */
  | { readonly state: 'absent' | 'unusable'; readonly problem: string };

/** What the source of the bus and the consumer know of it together. */
export class BusLink {
  readonly #source: Pick<BusSource, 'redis' | 'problem'> | undefined;
  /** As the consumer found it; `unknown` while none runs. */
  health: BusHealth = 'unknown';

  /** @param source absent: no bus is configured, and none will be */
  constructor(source: Pick<BusSource, 'redis' | 'problem'> | undefined) {
    this.#source = source;
  }

  get state(): BusState {
    if (!this.#source?.redis()) return { state: 'absent', problem: this.#source?.problem() ?? 'no bus is configured' };
    const { health } = this;
    return typeof health === 'object' ? { state: 'unusable', problem: health.message } : { state: health };
  }
}
