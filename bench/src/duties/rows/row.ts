import type { Scene } from '../scene/scene.ts';

/** A duty of BullMQ's Worker, as a scenario that both sides play: what they come to must be the same. */
export interface Row {
  /** As docs/worker-duties.md names it. */
  name: string;
  /** The first major version of BullMQ whose plain Worker does it. */
  since?: number;
  /** What each side comes to, where the library does otherwise on purpose. */
  differs?: { plain: unknown; ours: unknown };
  play: (scene: Scene) => Promise<unknown>;
}
