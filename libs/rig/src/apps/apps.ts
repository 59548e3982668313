/** The controllers: each is `apps/<name>`, the image `redis-queue/<name>` and the chart of that name. */
export const APPS = ['queue-controller', 'workerpool-controller', 'autoscaler'] as const;

export type AppName = (typeof APPS)[number];
