import { ConnectionShareError } from './connection-shares.ts';
import { classifyServerError, type RedisProblem } from './redis/errors.ts';
import { UnreadableKeyError } from './snapshot/unreadable-key-error.ts';

/**
 * Classifies an error of ioredis, BullMQ or Redis by what a person has to do about it. The message is made of our own
 * words and a harmless code, because the server's text may repeat arguments.
 */
export function classifyRedisError(error: unknown): RedisProblem {
  if (error instanceof ConnectionShareError) return { reason: 'WaitingForTurn', message: error.message };
  if (error instanceof UnreadableKeyError) return { reason: 'QueueUnreadable', message: error.message };
  return classifyServerError(error);
}
