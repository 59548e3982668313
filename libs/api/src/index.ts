export * from './apps.ts';
export { helmValue } from './helm-value.ts';
export * from './kinds/duration.ts';
export * from './kinds/meta.ts';
export * from './kinds/quantity.ts';
export * from './kinds/queue.ts';
export * from './kinds/queue-redrive.ts';
export * from './kinds/reasons.ts';
export * from './kinds/workerpool.ts';
