import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '@redis-queue/controller';
import type { Random } from '@redis-queue/simulator';
import type { Sized } from './burst-watch.ts';
import type { ObjectWatch } from '../cluster-objects/object-watch.ts';
import type { Stand } from '../stand/stand.ts';

/** One autoscaler, running, and nothing of the other's. */
export interface Arm extends AsyncDisposable {
  /** Bursts that may be on their way side by side, each in a queue of its own. */
  readonly lanes: number;
  readonly timeoutMs: number;
  /** Makes what scales the Deployment `name` for the queue `name`, and returns at a random moment of all its timers. */
  readonly prepare: (name: string, random: Random) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
}

/** What an arm works with. */
export interface ArmContext {
  readonly stand: Stand;
  readonly client: KubeClient;
  /** Every revision of the namespace's Deployments. */
  readonly deployments: ObjectWatch<Sized>;
  readonly target: Target;
  readonly print: (line: string) => void;
}

export interface Target {
  readonly jobsPerReplica: number;
  readonly maxReplicas: number;
}

/** Waits between `fromMs` and `toMs`, which one being drawn. */
export async function randomPause(random: Random, fromMs: number, toMs: number): Promise<void> {
  await sleep(fromMs + random() * (toMs - fromMs));
}
