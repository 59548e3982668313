interface Growth {
  readonly atMs: number;
  readonly server: string;
  readonly namespace: string;
  readonly connections: number;
}

/**
 * Connections of pods that were decided on and have hardly begun to connect, by server and namespace: pools of several
 * users, and so of several samplers, share what one server takes. No I/O.
 */
export class StartingClients {
  readonly #startsWithinMs: number;
  /** In the order of time. */
  readonly #growths: Growth[] = [];
  /** Their sums by namespace, by server; without those that are 0. */
  readonly #sums = new Map<string, Map<string, number>>();

  /** @param startsWithinMs from the decision on a pod until its connections show in what the server reports */
  constructor(startsWithinMs: number) {
    this.#startsWithinMs = startsWithinMs;
  }

  add(server: string, namespace: string, connections: number, nowMs: number): void {
    this.#forgetStarted(nowMs);
    this.#growths.push({ atMs: nowMs, server, namespace, connections });
    this.#change(server, namespace, connections);
  }

  /** Those of the namespace, and those of all others together. */
  on(server: string, namespace: string, nowMs: number): { readonly own: number; readonly others: number } {
    this.#forgetStarted(nowMs);
    const sums = this.#sums.get(server);
    const own = sums?.get(namespace) ?? 0;
    const all = [...(sums?.values() ?? [])].reduce((total, sum) => total + sum, 0);
    return { own, others: all - own };
  }

  #forgetStarted(nowMs: number): void {
    while (this.#growths.length > 0 && nowMs - this.#growths[0]!.atMs >= this.#startsWithinMs) {
      const { server, namespace, connections } = this.#growths.shift()!;
      this.#change(server, namespace, -connections);
    }
  }

  #change(server: string, namespace: string, connections: number): void {
    const sums = this.#sums.get(server) ?? new Map<string, number>();
    const sum = (sums.get(namespace) ?? 0) + connections;
    if (sum === 0) sums.delete(namespace);
    else sums.set(namespace, sum);
    if (sums.size === 0) this.#sums.delete(server);
    else this.#sums.set(server, sums);
  }
}
