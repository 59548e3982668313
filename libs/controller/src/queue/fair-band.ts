import { Band } from './band.ts';

/**
 * Items in turns: first come, first served among the items of one path, and round robin among paths, level by level.
 * With paths of namespace and server, a namespace with 1,000 items waiting, or with 1,000 servers, has one turn while
 * another has one too.
 *
 * Every operation takes constant time on average, but for `peek`, which passes over the paths that are not admitted.
 */
export class FairBand<T> {
  /** The items whose path ends here. */
  readonly #own = new Band<T>();
  /** In the order of their turns. */
  readonly #children = new Map<string, FairBand<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T, path: readonly string[]): void {
    this.#size++;
    const [first, ...rest] = path;
    if (first === undefined) return this.#own.push(item);
    let child = this.#children.get(first);
    if (!child) this.#children.set(first, (child = new FairBand()));
    child.push(item, rest);
  }

  /**
   * The item whose turn it is.
   *
   * @param admits whether an item of this part of a path may be handed out now; `level` counts from 0.
   */
  peek(admits: (part: string, level: number) => boolean = () => true, level = 0): T | undefined {
    const own = this.#own.peek();
    if (own !== undefined) return own;
    for (const [part, child] of this.#children) {
      const item = admits(part, level) ? child.peek(admits, level + 1) : undefined;
      if (item !== undefined) return item;
    }
    return undefined;
  }

  /** Removes an item, wherever it stands; with its path, the next turn is that of the other paths. */
  remove(item: T, path: readonly string[]): void {
    this.#size--;
    const [first, ...rest] = path;
    if (first === undefined) return this.#own.remove(item);
    const child = this.#children.get(first);
    if (!child) return;
    child.remove(item, rest);
    this.#children.delete(first);
    if (child.size > 0) this.#children.set(first, child);
  }
}
