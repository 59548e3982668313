import { eventually } from '../waiting/eventually.ts';
import { ask } from './ask.ts';
import type { RedisServer } from './redis.ts';

/** Waits until the replica has all that the primary has written: what happens next loses nothing of it. */
export async function untilReplicated(primary: RedisServer, replica: RedisServer): Promise<void> {
  const hasAll = async (): Promise<boolean> => {
    const written = await offsetOf(primary, 'master_repl_offset');
    return (await offsetOf(replica, 'slave_repl_offset')) >= written;
  };
  await eventually(hasAll, { timeoutMs: 30_000, intervalMs: 5, description: 'the replica to have all' });
}

async function offsetOf(server: RedisServer, field: string): Promise<number> {
  const login = server.password === undefined ? '' : `AUTH ${server.password}\r\n`;
  const info = await ask(server, `${login}INFO replication`);
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
}

/**
 * Whether a replica gets every write of this primary from now on. A replica calls its link up as soon as it has loaded the
 * snapshot; the primary holds its writes back until the first acknowledgement after that, which takes up to a second:
 * what is written in between is lost with a primary that dies.
 *
 * @param info what the primary answers to INFO replication.
 */
export function isFollowed(info: string): boolean {
  return /slave0:.*state=online,offset=[1-9]/.test(info);
}
