import { formatFence } from '@redis-queue/scaling-bus';
import type { PoolStep } from './deployment/steps.ts';

/** A step as logs and events say it. */
export function describeStep(step: PoolStep): string {
  if (step.kind === 'create') return `created with ${step.replicas} replicas`;
  if (step.kind === 'takeOver') return `the size was taken over at the request "${step.request}"`;
  if (step.kind === 'scale') return `size ${step.replicas} at decision ${formatFence(step.fence)}: ${step.reason}`;
  return step.drift ? 'set back what others had changed' : 'applied a change';
}
