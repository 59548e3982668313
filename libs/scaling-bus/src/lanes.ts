interface Lane<T> {
  waiting?: { item: T; sent: Promise<void> };
}

/**
 * Sends the items of one key one after the other. Of those that pile up meanwhile only the newest is sent: an outage
 * leaves at most two items per key behind, and an older one never overtakes.
 */
export class NewestFirst<T> {
  readonly #lanes = new Map<string, Lane<T> & { sending: Promise<void> }>();
  readonly #send: (item: T) => Promise<void>;

  constructor(send: (item: T) => Promise<void>) {
    this.#send = send;
  }

  /** Resolves or rejects when the item, or a newer one in its place, was sent or failed. */
  offer(key: string, item: T): Promise<void> {
    const lane = this.#lanes.get(key);
    if (!lane) return this.#start(key, item);
    if (lane.waiting) {
      lane.waiting.item = item;
    } else {
      const waiting = { item, sent: Promise.resolve() };
      waiting.sent = lane.sending.catch(() => {}).then(() => this.#start(key, waiting.item));
      lane.waiting = waiting;
    }
    return lane.waiting.sent;
  }

  #start(key: string, item: T): Promise<void> {
    const lane: Lane<T> & { sending: Promise<void> } = { sending: this.#send(item) };
    this.#lanes.set(key, lane);
    const forget = (): void => {
      if (!lane.waiting && this.#lanes.get(key) === lane) this.#lanes.delete(key);
    };
    lane.sending.then(forget, forget);
    return lane.sending;
  }
}
