export * from './apps.ts';
export * from './duration.ts';
export * from './meta.ts';
export * from './quantity.ts';
export * from './queue.ts';
export * from './reasons.ts';
export * from './workerpool.ts';
