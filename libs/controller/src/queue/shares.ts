/** What a share may have of what is free, by level: of a tenant, of a server, and of a tenant at a server. */
const PARTS = [1 / 2, 1 / 2, 1 / 4];
export const TENANT = 0;
export const SERVER = 1;
export const TENANT_AT_SERVER = 2;

/**
 * How many keys of each share are worked on at once, so that what hangs at one leaves room for the others.
 *
 * A share is admitted while it has less under way than a part of what is free: half of it for a tenant, which is a
 * namespace, half of it for a server, a quarter for what a tenant has at a server; and always one. So one share alone
 * gets a third of the capacity, or a fifth, a tenant leaves room at each of its servers for others, and n shares leave a
 * part free for who comes next, without a number to configure (dynamic thresholds: Choudhury and Hahne, IEEE/ACM
 * Transactions on Networking 6(2), 1998).
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
    return (this.#underWay.get(slot(share, level)) ?? 0) < Math.max(1, Math.ceil(free * (PARTS[level] ?? 1)));
  }

  /** The first of these that has as much under way as it may have; a server also for what the tenant has at it. */
  fullOf(path: readonly string[]): string | undefined {
    return levelsOf(path).find(({ share, level }) => !this.admits(share, level))?.name;
  }

  begin(path: readonly string[]): void {
    this.#total++;
    for (const { share, level } of levelsOf(path)) this.#count(slot(share, level), 1);
  }

  end(path: readonly string[]): void {
    this.#total--;
    for (const { share, level } of levelsOf(path)) this.#count(slot(share, level), -1);
  }

  #count(key: string, delta: 1 | -1): void {
    const count = (this.#underWay.get(key) ?? 0) + delta;
    if (count === 0) this.#underWay.delete(key);
    else this.#underWay.set(key, count);
  }
}

/** The share of what a tenant has at a server; undefined where either is missing. */
export function tenantAtServer(tenant = '', server = ''): string | undefined {
  return tenant === '' || server === '' ? undefined : `${tenant} ${server}`;
}

function levelsOf(
  path: readonly string[],
): { readonly share: string; readonly level: number; readonly name: string }[] {
  const levels = path.map((share, level) => ({ share, level, name: share }));
  const [tenant, server = ''] = path;
  const both = tenantAtServer(tenant, server);
  if (both !== undefined) levels.push({ share: both, level: TENANT_AT_SERVER, name: server });
  return levels;
}

/** Shares of different levels may have one name. */
function slot(share: string, level: number): string {
  return `${level} ${share}`;
}
