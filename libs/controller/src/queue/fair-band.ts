import { Band } from './band.ts';
import { SERVER, TENANT, TENANT_AT_SERVER, tenantAtServer } from './shares.ts';

/** Whether a share may have one more under way; `level` is one of `Shares`: tenant, server, or tenant at a server. */
export type Admits = (share: string, level: number) => boolean;

/** What waits of one tenant, by server, in the order of their turns. */
interface Tenant<T> {
  readonly share: string;
  readonly servers: Map<string, Band<T>>;
  /** Who has the lowest is next. */
  turn: number;
  /** Where it is parked; empty: it is in the rotation. */
  parkedIn: UsedUp<T>[];
}

/** A server whose share, or whose tenant's share of it, was used up when the turn of tenants came that wait for nothing else. */
interface UsedUp<T> {
  readonly server: string;
  /** In the order of their turns. */
  readonly parked: Set<Tenant<T>>;
}

/**
 * Items in turns: first come, first served among those of one path of tenant and server, and round robin among a
 * tenant's servers, and among tenants. A tenant with 1,000 items waiting, or with 1,000 servers, has one turn while
 * another has one too.
 *
 * Tenants whose turn comes while the shares of their servers are used up are parked with these, so that an operation
 * costs no more than a look at each share that is used up, however many tenants wait for one server.
 */
export class FairBand<T> {
  readonly #tenants = new Map<string, Tenant<T>>();
  readonly #rotation = new Set<Tenant<T>>();
  readonly #usedUp = new Map<string, UsedUp<T>>();
  #turns = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param path tenant and server; either may be missing, and is admitted then. */
  push(item: T, [share = '', server = '']: readonly string[]): void {
    this.#size++;
    let tenant = this.#tenants.get(share);
    if (!tenant) {
      tenant = { share, servers: new Map(), turn: this.#turns++, parkedIn: [] };
      this.#tenants.set(share, tenant);
      this.#rotation.add(tenant);
    }
    let items = tenant.servers.get(server);
    if (!items) {
      tenant.servers.set(server, (items = new Band()));
      // It waits for others only, and this one may be admitted.
      if (tenant.parkedIn.length > 0) this.#unpark(tenant);
    }
    items.push(item);
  }

  /** The item whose turn it is, of those that are admitted. */
  peek(admits: Admits = () => true): T | undefined {
    const candidates = [...this.#usedUp.values()].map((server) => this.#firstParked(server, admits));
    candidates.push(this.#firstInRotation(admits));
    const next = candidates.reduce((best, each) => (best && (!each || best.turn < each.turn) ? best : each), undefined);
    return next && firstOf(next, admits);
  }

  /** Removes an item, wherever it stands; the next turn is that of others. */
  remove(item: T, [share = '', server = '']: readonly string[]): void {
    const tenant = this.#tenants.get(share);
    const items = tenant?.servers.get(server);
    if (!tenant || !items) return;
    this.#size--;
    items.remove(item);
    tenant.servers.delete(server);
    if (items.size > 0) tenant.servers.set(server, items);
    tenant.turn = this.#turns++;
    this.#unpark(tenant);
    if (tenant.servers.size > 0) return;
    this.#rotation.delete(tenant);
    this.#tenants.delete(share);
  }

  #firstInRotation(admits: Admits): Tenant<T> | undefined {
    for (const tenant of this.#rotation) {
      if (!isAdmitted(tenant.share, TENANT, admits)) continue;
      if (firstOf(tenant, admits) !== undefined) return tenant;
      this.#park(tenant);
    }
    return undefined;
  }

  /** What is parked with an admitted server waits for its turn, and for its tenant at most. */
  #firstParked({ server, parked }: UsedUp<T>, admits: Admits): Tenant<T> | undefined {
    if (!isAdmitted(server, SERVER, admits)) return undefined;
    for (const tenant of parked) {
      if (isAdmitted(tenant.share, TENANT, admits) && isAdmittedAt(server, tenant.share, admits)) return tenant;
    }
    return undefined;
  }

  /** Until one of its servers is admitted. */
  #park(tenant: Tenant<T>): void {
    this.#rotation.delete(tenant);
    for (const server of tenant.servers.keys()) {
      let usedUp = this.#usedUp.get(server);
      if (!usedUp) this.#usedUp.set(server, (usedUp = { server, parked: new Set() }));
      usedUp.parked.add(tenant);
      tenant.parkedIn.push(usedUp);
    }
  }

  /** To the end of the rotation. */
  #unpark(tenant: Tenant<T>): void {
    for (const { server, parked } of tenant.parkedIn) {
      parked.delete(tenant);
      if (parked.size === 0) this.#usedUp.delete(server);
    }
    tenant.parkedIn = [];
    this.#rotation.delete(tenant);
    this.#rotation.add(tenant);
  }
}

function firstOf<T>({ share, servers }: Tenant<T>, admits: Admits): T | undefined {
  if (!isAdmitted(share, TENANT, admits)) return undefined;
  for (const [server, items] of servers) {
    if (isAdmitted(server, SERVER, admits) && isAdmittedAt(server, share, admits)) return items.peek();
  }
  return undefined;
}

function isAdmittedAt(server: string, tenant: string, admits: Admits): boolean {
  const both = tenantAtServer(tenant, server);
  return both === undefined || admits(both, TENANT_AT_SERVER);
}

function isAdmitted(share: string, level: number, admits: Admits): boolean {
  return share === '' || admits(share, level);
}
