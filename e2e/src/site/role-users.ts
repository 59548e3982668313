import { randomBytes } from 'node:crypto';
import { redisUsers, setUserCommand } from '@redis-queue/dev/redis-users';

/** A user of Redis that one role has, as `make redis-users` names it. */
export type RoleUser = 'queue-controller' | 'sampler' | 'worker' | 'backup' | 'restore' | 'producer' | 'bus';
export type Passwords = Readonly<Record<RoleUser, string>>;

/** The Secrets of `examples/redis-users`, and the user that each names. */
export const ROLE_SECRETS: Readonly<Record<string, RoleUser>> = {
  'redis-controller': 'queue-controller',
  'redis-sampler': 'sampler',
  'redis-worker': 'worker',
  'redis-backup': 'backup',
  'redis-restore': 'restore',
  'redis-queue-bus': 'bus',
};

/** The Secrets of Queues that each controller may read; `examples/redis-users/values.yaml` says the same. */
export const SECRETS_OF_CHARTS: Readonly<Record<string, readonly string[]>> = {
  'queue-controller': ['redis-controller', 'redis-sampler'],
  autoscaler: ['redis-sampler'],
  'workerpool-controller': ['redis-worker'],
  'backup-controller': ['redis-backup', 'redis-restore'],
};

/** Where the example's worker and the producer write down what ran: keys of the application, beside its queues. */
const LEDGER = '~ledger:*';

const password = (): string => randomBytes(16).toString('hex');

/** A password for each user. */
export function newPasswords(): Passwords {
  return {
    'queue-controller': password(),
    sampler: password(),
    worker: password(),
    backup: password(),
    restore: password(),
    producer: password(),
    bus: password(),
  };
}

/** The commands that `make redis-users` prints, each in words, and what the application's own keys take. */
export function userCommands(passwords: Passwords): string[][] {
  const printed = redisUsers('bull').map((user) =>
    setUserCommand(user).replace('>PASSWORD', `>${passwords[user.name as RoleUser]}`),
  );
  const further = ['worker', 'producer'].map((user) => `ACL SETUSER ${user} ${LEDGER}`);
  return [...printed, ...further].map((command) => command.split(' '));
}
