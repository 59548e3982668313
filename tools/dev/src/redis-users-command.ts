// make redis-users
import { parseArgs } from 'node:util';
import { DEFAULT_PREFIX } from '@redis-queue/api';
import { redisUsers, setUserCommand } from './redis-users.ts';

const USAGE = `make redis-users [PREFIX=${DEFAULT_PREFIX}]

Prints the commands that make a Redis user for each role, with the least rights that it needs; see docs/redis-users.md.

  --prefix=TEXT   the key prefix of the queues (spec.redis.prefix); default ${DEFAULT_PREFIX}
  --help          this text
`;

try {
  const { values } = parseArgs({
    options: { prefix: { type: 'string', default: DEFAULT_PREFIX }, help: { type: 'boolean', default: false } },
  });
  if (/[\s*]/.test(values.prefix)) throw new Error(`PREFIX=${values.prefix}: no space and no * in a key prefix`);
  console.log(values.help ? USAGE : redisUsers(values.prefix).map(setUserCommand).join('\n'));
} catch (error) {
  console.error(`✘ ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
