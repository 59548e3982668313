/**
 * How many keys of each share are worked on at once, so that what hangs at one leaves room for the others.
 *
 * A share is admitted while it has less under way than a part of what is free: half of it at the first level (a
 * namespace), a quarter at the second (a server), and so on; and always one. So one share alone gets a third of the
 * capacity, or a fifth at the second level, and n of them leave a part free for who comes next, without a number to
 * configure (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
 */
export class Shares {
  readonly #capacity: number;
  readonly #underWay = new Map<string, number>();
  #total = 0;

  /** @param capacity most keys worked on at once, of all shares together; Infinity: no share has a limit */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  admits(share: string, level: number): boolean {
    const free = this.#capacity - this.#total;
    return (this.#underWay.get(slot(share, level)) ?? 0) < Math.max(1, Math.ceil(free / 2 ** (level + 1)));
  }

  /** The first of these that has as much under way as it may have. */
  fullOf(path: readonly string[]): string | undefined {
    return path.find((share, level) => !this.admits(share, level));
  }

  begin(path: readonly string[]): void {
    this.#total++;
    for (const [level, share] of path.entries()) this.#count(slot(share, level), 1);
  }

  end(path: readonly string[]): void {
    this.#total--;
    for (const [level, share] of path.entries()) this.#count(slot(share, level), -1);
  }

  #count(key: string, delta: 1 | -1): void {
    const count = (this.#underWay.get(key) ?? 0) + delta;
    if (count === 0) this.#underWay.delete(key);
    else this.#underWay.set(key, count);
  }
}

/** Shares of different levels may have one name. */
function slot(share: string, level: number): string {
  return `${level} ${share}`;
}
