/** What a server's count of processor time grew by, as a part of one core. No I/O. */
export class CpuShare {
  #before: { readonly usedMs: number; readonly atMs: number } | undefined;

  /**
   * @param usedMs since the server began; undefined: it did not tell.
   * @returns over the time since the last call; undefined when nothing is to be compared with, as after a restart of the server.
   */
  since(usedMs: number | undefined, atMs: number): number | undefined {
    const before = this.#before;
    this.#before = usedMs === undefined ? undefined : { usedMs, atMs };
    if (before === undefined || usedMs === undefined || usedMs < before.usedMs || atMs <= before.atMs) return undefined;
    return (usedMs - before.usedMs) / (atMs - before.atMs);
  }
}
