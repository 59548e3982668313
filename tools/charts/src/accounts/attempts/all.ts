import { clusterAttempts } from './cluster.ts';
import { deploymentAttempts } from './deployments.ts';
import { kindAttempts, leaseAndEventAttempts } from './kinds.ts';
import { budgetAttempts, podAttempts } from './pods.ts';
import type { Attempt, Scene } from './scene.ts';
import { templateAttempts } from './templates.ts';

/** Everything that must fail. */
export function attempts(scene: Scene): Attempt[] {
  return [
    ...deploymentAttempts(scene),
    ...templateAttempts(scene),
    ...budgetAttempts(scene),
    ...podAttempts(scene),
    ...kindAttempts(scene),
    ...leaseAndEventAttempts(scene),
    ...clusterAttempts(scene),
  ];
}
