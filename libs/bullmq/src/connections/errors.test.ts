import { describe, expect, test } from 'vitest';
import { classifyRedisError } from './errors.ts';

describe('an error of Redis is sorted by what a person has to do', () => {
  test.each<[string, string]>([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'RedisAuthFailed'],
    ['NOAUTH Authentication required.', 'RedisAuthFailed'],
    ["NOPERM User app has no permissions to run the 'hset' command", 'RedisNoPermission'],
    ["READONLY You can't write against a read only replica.", 'RedisReadOnly'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'RedisOutOfMemory'],
    ['LOADING Redis is loading the dataset in memory', 'RedisBusy'],
    ['BUSY Redis is busy running a script.', 'RedisBusy'],
    ['NOREPLICAS Not enough good replicas to write.', 'RedisBusy'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.', 'RedisBusy'],
    ['connect ECONNREFUSED 127.0.0.1:1', 'RedisUnreachable'],
    ['Command timed out', 'RedisUnreachable'],
    ['Connection is closed.', 'RedisUnreachable'],
    [
      'Reached the max retries per request limit (which is 1). Refer to "maxRetriesPerRequest" option for details.',
      'RedisUnreachable',
    ],
    ['self-signed certificate in certificate chain', 'RedisUnreachable'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'QueueUnreadable'],
    ['unexpected reply: waiting is not a number', 'QueueUnreadable'],
    ['ERR something that nobody has seen before', 'RedisError'],
    ['ACL failure in script: No permission to access one of the keys', 'RedisNoPermission'],
    ["ERR The user executing the script can't run this command or subcommand script: 1f", 'RedisNoPermission'],
  ])('%s → %s', (text, reason) => {
    expect(classifyRedisError(new Error(text)).reason).toBe(reason);
  });

  test.each([
    ["CROSSSLOT Keys in request don't hash to the same slot", /redis-cluster: "true"/],
    ['MOVED 1234 10.0.0.1:6379', /redis-cluster: "true"/],
    ['ERR This instance has cluster support disabled', /no node of a Redis Cluster.*remove it/],
    ['Too many Cluster redirections. Last error: ReplyError: MOVED 1 10.0.0.1:6379', /cluster-announce-ip/],
  ])('%s names the key to mend', (text, message) => {
    const outer = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: new Error(text) });
    for (const error of [new Error(text), outer])
      expect(classifyRedisError(error)).toEqual({
        reason: 'RedisError',
        message: expect.stringMatching(message) as string,
      });
  });

  test.each(['ERR_SSL_WRONG_VERSION_NUMBER', 'write EPROTO: SSL routines', 'TLS handshake failed'])(
    '%s is no answer of Redis',
    (text) => {
      expect(classifyRedisError(new Error(text)).reason).toBe('RedisUnreachable');
    },
  );

  // A server may say 64 kB: a pattern that looks for one text behind another would take the square of that.
  test('only the beginning of what a server says is looked at, and of many errors only some', () => {
    const long = `${'NOPERM '.repeat(9_000)} one of the key`;
    expect(classifyRedisError(new Error(long)).reason).toBe('RedisNoPermission');
    expect(classifyRedisError(new Error(`${'X_'.repeat(40_000)}CERT`))).toEqual({
      reason: 'RedisError',
      message: 'Redis answered with an error',
    });
    const many = Array.from({ length: 10_000 }, () => new Error('x'.repeat(60_000)));
    expect(classifyRedisError(new AggregateError(many, 'READONLY')).reason).toBe('RedisReadOnly');
  });

  test('the cause that ioredis wraps is found', () => {
    const outer = Object.assign(new Error('None of the nodes answered'), { lastNodeError: new Error('WRONGPASS no') });
    expect(classifyRedisError(outer).reason).toBe('RedisAuthFailed');
    const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    expect(classifyRedisError(new AggregateError([refused], ''))).toEqual({
      reason: 'RedisUnreachable',
      message: 'Redis cannot be reached (ECONNREFUSED)',
    });
  });

  test('the message names the command that was refused, and never what the server repeats of arguments', () => {
    expect(
      classifyRedisError(new Error("NOPERM this user has no permissions to run the 'hset' command")).message,
    ).toMatch(/'hset' command/);
    // As Redis 7.0, 7.2 and Valkey say it, outside a script and in one.
    for (const text of [
      'NOPERM this user has no permissions to access one of the keys used as arguments',
      'NOPERM No permissions to access a key',
      "ERR The user executing the script can't access at least one of the keys mentioned in the command",
      'ACL failure in script: No permission to access one of the keys',
    ]) {
      const { reason, message } = classifyRedisError(new Error(text));
      expect([reason, message]).toEqual(['RedisNoPermission', expect.stringMatching(/may not use the keys.*prefix/)]);
    }
    expect(
      classifyRedisError(new Error("ERR unknown command, with args beginning with: 'hunter2'")).message,
    ).not.toContain('hunter2');
    expect(classifyRedisError(new Error('WRONGPASS hunter2')).message).not.toContain('hunter2');
    expect(classifyRedisError('hunter2').message).not.toContain('hunter2');
  });
});
