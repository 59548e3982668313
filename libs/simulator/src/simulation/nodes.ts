import type { Distribution, Random } from '../loads/random.ts';
import type { Pod } from './fleet.ts';

/** Nodes that a node autoscaler adds for pods without one, and takes away when they are empty. */
export interface NodePlan {
  readonly podsPerNode: number;
  /** Nodes that are there from the beginning, and stay. */
  readonly standing: number;
  /** From a pod without a node to the new node. */
  readonly startMs: Distribution;
}

/** The cluster autoscaler's --scale-down-unneeded-time. */
const EMPTY_FOR_MS = 600_000;

interface Node {
  readonly standing: boolean;
  pods: number;
  emptySinceMs: number;
}

/**
 * The nodes of a cluster whose autoscaler orders as many as the pods without one need. Without a plan every pod has its
 * node at once.
 */
export class Nodes {
  readonly #plan: NodePlan | undefined;
  readonly #random: Random;
  readonly #nodes: Node[];
  readonly #nodeOf = new Map<Pod, Node>();
  #waiting: Pod[] = [];
  #ordered = 0;

  constructor(plan: NodePlan | undefined, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#nodes = Array.from({ length: plan?.standing ?? 0 }, () => ({ standing: true, pods: 0, emptySinceMs: 0 }));
  }

  /** Finds a node for the pod. @returns whether it has one; if not, it waits. */
  place(pod: Pod, nowMs: number): boolean {
    if (this.#plan === undefined) return true;
    const node = this.#room(nowMs);
    if (node === undefined) {
      this.#waiting.push(pod);
      return false;
    }
    this.#put(pod, node);
    return true;
  }

  /** @returns when each of the nodes comes that have to be ordered now. */
  order(nowMs: number): number[] {
    if (this.#plan === undefined) return [];
    const { podsPerNode, startMs } = this.#plan;
    const missing = Math.ceil(this.#stillWaiting().length / podsPerNode) - this.#ordered;
    this.#ordered += Math.max(0, missing);
    return Array.from({ length: Math.max(0, missing) }, () => nowMs + startMs(this.#random));
  }

  /** A node has come. @returns the pods that have it now. */
  came(nowMs: number): Pod[] {
    this.#ordered--;
    this.#nodes.push({ standing: false, pods: 0, emptySinceMs: nowMs });
    return this.#fill(nowMs);
  }

  /** The pod is gone. @returns the pods that have its room now. */
  left(pod: Pod, nowMs: number): Pod[] {
    const node = this.#nodeOf.get(pod);
    if (node === undefined) return [];
    this.#nodeOf.delete(pod);
    if (--node.pods === 0) node.emptySinceMs = nowMs;
    return this.#fill(nowMs);
  }

  #fill(nowMs: number): Pod[] {
    const placed: Pod[] = [];
    this.#waiting = this.#stillWaiting();
    while (this.#waiting.length > 0) {
      const node = this.#room(nowMs);
      if (node === undefined) break;
      const pod = this.#waiting.shift()!;
      this.#put(pod, node);
      placed.push(pod);
    }
    return placed;
  }

  /** The fullest node with room, so that others become empty. */
  #room(nowMs: number): Node | undefined {
    let best: Node | undefined;
    for (const node of this.#nodes) {
      const taken = !node.standing && node.pods === 0 && nowMs - node.emptySinceMs >= EMPTY_FOR_MS;
      if (taken || node.pods >= this.#plan!.podsPerNode) continue;
      if (best === undefined || node.pods > best.pods) best = node;
    }
    return best;
  }

  #put(pod: Pod, node: Node): void {
    node.pods++;
    this.#nodeOf.set(pod, node);
  }

  #stillWaiting(): Pod[] {
    return this.#waiting.filter(({ state }) => state === 'pending');
  }
}
