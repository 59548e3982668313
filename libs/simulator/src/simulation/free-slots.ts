/** What a pod has to say for its slots. */
interface SlotHolder {
  readonly slots: number;
  readonly state: string;
}

/**
 * Free slots of all pods on the queue in the order they became free, as Redis serves blocked clients; those of pods
 * that take no more jobs are skipped.
 */
export class FreeSlots<Pod extends SlotHolder> {
  #free: Pod[] = [];
  #first = 0;

  push(pod: Pod): void {
    this.#free.push(pod);
  }

  /** The pod whose slot is next; undefined when none is free, so that nobody asks for a job. */
  next(): Pod | undefined {
    for (;;) {
      const pod = this.#free[this.#first];
      if (pod === undefined || pod.state === 'ready') return pod;
      this.#skip();
    }
  }

  /** Takes the slot that `next` has named. A pod with slots without end keeps its only entry. */
  take(pod: Pod): void {
    if (pod.slots !== Infinity) this.#skip();
  }

  #skip(): void {
    this.#first++;
    if (this.#first <= 4_096) return;
    this.#free = this.#free.slice(this.#first);
    this.#first = 0;
  }
}
