import { DEFAULT_PREFIX } from '@redis-queue/api';
import { ACL_RULES } from '@redis-queue/bullmq';
import { BUS_ACL_RULES } from '@redis-queue/scaling-bus';

/** A Redis user of one role, and where its name and password go. */
export interface RedisUser {
  readonly name: string;
  readonly rules: string;
  /** Whose Secret names this user. */
  readonly usedBy: string;
}

/** A Redis user for each role, confined to queues under `prefix`. */
export function redisUsers(prefix: string): RedisUser[] {
  const within = (rules: string): string => rules.replaceAll(`~${DEFAULT_PREFIX}:*`, `~${prefix}:*`);
  return [
    { name: 'queue-controller', rules: within(ACL_RULES.controller), usedBy: 'spec.redis.secretRefs.controller' },
    { name: 'sampler', rules: within(ACL_RULES.reader), usedBy: 'spec.redis.secretRefs.sampler' },
    { name: 'worker', rules: within(ACL_RULES.worker), usedBy: 'spec.redis.secretRefs.worker' },
    { name: 'backup', rules: within(ACL_RULES.backup), usedBy: 'spec.redis.secretRefs.backup' },
    { name: 'restore', rules: within(ACL_RULES.restore), usedBy: 'spec.redis.secretRefs.restore' },
    { name: 'producer', rules: within(ACL_RULES.producer), usedBy: 'the programs that add jobs' },
    { name: 'bus', rules: BUS_ACL_RULES, usedBy: 'the Secret of the bus' },
  ];
}

/**
 * What makes the user, for redis-cli; `PASSWORD` is to be replaced. A user of that name loses all that it had before:
 * other rights and other passwords.
 */
export function setUserCommand({ name, rules }: RedisUser): string {
  return `ACL SETUSER ${name} reset on >PASSWORD resetchannels ${rules}`;
}
