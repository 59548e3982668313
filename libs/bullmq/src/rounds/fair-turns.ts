/**
 * Takes turns between tenants, and within a tenant in the order in which its works came: who has many works has no more
 * turns for it.
 */
export class FairTurns<W extends { readonly tenant: string }> {
  /** In the order of their turns; none is empty. */
  readonly #lines = new Map<string, W[]>();

  constructor(works: Iterable<W> = []) {
    for (const work of works) this.push(work);
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** Has `work` wait for its turn, behind the others of its tenant. */
  push(work: W): void {
    const line = this.#lines.get(work.tenant);
    if (line) line.push(work);
    else this.#lines.set(work.tenant, [work]);
  }

  /** Takes the work out whose turn it is. */
  next(): W | undefined {
    const [first] = this.#lines;
    if (!first) return undefined;
    const [tenant, line] = first;
    const work = line.shift();
    this.#lines.delete(tenant);
    if (line.length > 0) this.#lines.set(tenant, line);
    return work;
  }

  /** Takes all of them out, in the order of their turns. */
  *drain(): Generator<W> {
    for (let work = this.next(); work; work = this.next()) yield work;
  }
}
