/** By how much a server's count of processor time grew, as a share of one core. No I/O. */
export class CpuShare {
  #before: { readonly usedMs: number; readonly atMs: number } | undefined;

  /**
   * @param usedMs processor time since the server started; undefined if the server does not report it.
   * @returns the share since the last call; undefined when there is nothing to compare with, as after a restart of the
   * server.
   */
  since(usedMs: number | undefined, atMs: number): number | undefined {
    const before = this.#before;
    this.#before = usedMs === undefined ? undefined : { usedMs, atMs };
    if (before === undefined || usedMs === undefined || usedMs < before.usedMs || atMs <= before.atMs) return undefined;
    return (usedMs - before.usedMs) / (atMs - before.atMs);
  }
}
