import type { Resource } from '../objects/resources.ts';

export interface ObjectEvent {
  type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  reason: string;
  /** A sentence for people; never a secret. */
  message: string;
  /** What was being done, one CamelCase word. Default: the reason. */
  action?: string;
}

export interface EventRecorder {
  /** Says on `object` what happened. Never throws or waits: similar events are counted, floods cut. */
  record(object: Resource, event: ObjectEvent): void;
}
