interface Growth {
  readonly atMs: number;
  readonly server: string;
  readonly connections: number;
}

/**
 * Connections of pods that were decided on and have hardly begun to connect, by server: pools of several users, and so of
 * several samplers, share what one server takes. No I/O.
 */
export class StartingClients {
  readonly #startsWithinMs: number;
  /** In the order of time. */
  readonly #growths: Growth[] = [];
  /** Their sums; a server without any has no entry. */
  readonly #sums = new Map<string, number>();

  /** @param startsWithinMs from the decision on a pod until its connections show in what the server reports */
  constructor(startsWithinMs: number) {
    this.#startsWithinMs = startsWithinMs;
  }

  add(server: string, connections: number, nowMs: number): void {
    this.#forgetStarted(nowMs);
    this.#growths.push({ atMs: nowMs, server, connections });
    this.#change(server, connections);
  }

  on(server: string, nowMs: number): number {
    this.#forgetStarted(nowMs);
    return this.#sums.get(server) ?? 0;
  }

  #forgetStarted(nowMs: number): void {
    while (this.#growths.length > 0 && nowMs - this.#growths[0]!.atMs >= this.#startsWithinMs) {
      const { server, connections } = this.#growths.shift()!;
      this.#change(server, -connections);
    }
  }

  #change(server: string, connections: number): void {
    const sum = (this.#sums.get(server) ?? 0) + connections;
    if (sum === 0) this.#sums.delete(server);
    else this.#sums.set(server, sum);
  }
}
