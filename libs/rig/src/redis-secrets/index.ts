/** A Secret of a Redis, as plain texts by key. */
interface RedisSecret {
  readonly title: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface ReadableSecret extends RedisSecret {
  /** Where it leads; database 0 and what is not given are left out. */
  readonly reads: {
    readonly host: string;
    readonly port: number;
    readonly db?: number;
    readonly username?: string;
    readonly password?: string;
  };
}

export interface RefusedSecret extends RedisSecret {
  /** Keys that the message has to name; it never has the text `hunter2`. */
  readonly refusedFor: readonly string[];
}

// One table for all that read the Secret of a Redis: the controllers, the bus and worker pods. Where they would read it
// differently, some would look at another Redis than the rest, and nobody would say so.

export const READABLE_SECRETS: readonly ReadableSecret[] = [
  { title: 'host alone', data: { 'redis-host': 'redis' }, reads: { host: 'redis', port: 6379 } },
  {
    title: 'host, port, user and password',
    data: { 'redis-host': 'redis', 'redis-port': '7000', 'redis-username': 'app', 'redis-password': 'p' },
    reads: { host: 'redis', port: 7000, username: 'app', password: 'p' },
  },
  {
    title: 'host and database',
    data: { 'redis-host': 'redis', 'redis-db': '3\n' },
    reads: { host: 'redis', port: 6379, db: 3 },
  },
  { title: 'database 0', data: { 'redis-host': 'redis', 'redis-db': '0' }, reads: { host: 'redis', port: 6379 } },
  {
    title: 'a newline at the end, as echo leaves it',
    data: { 'redis-host': 'redis\n', 'redis-port': '7000\n', 'redis-password': 'p\n' },
    reads: { host: 'redis', port: 7000, password: 'p' },
  },
  {
    title: 'a URL with everything',
    data: { 'redis-url': 'redis://app:p%40ss@[::1]:7000/2\n' },
    reads: { host: '::1', port: 7000, username: 'app', password: 'p@ss', db: 2 },
  },
  {
    title: 'a URL with neither port nor database',
    data: { 'redis-url': 'redis://redis/' },
    reads: { host: 'redis', port: 6379 },
  },
  {
    title: 'a URL with an @ in the password',
    data: { 'redis-url': 'redis://:p@ss@redis' },
    reads: { host: 'redis', port: 6379, password: 'p@ss' },
  },
  {
    title: 'user and password beside a URL, which override those in it',
    data: { 'redis-url': 'redis://a:b@redis', 'redis-username': 'app', 'redis-password': 'p' },
    reads: { host: 'redis', port: 6379, username: 'app', password: 'p' },
  },
];

export const REFUSED_SECRETS: readonly RefusedSecret[] = [
  { title: 'nothing', data: {}, refusedFor: ['redis-url', 'redis-host'] },
  {
    title: 'a URL beside a host',
    data: { 'redis-url': 'redis://hunter2', 'redis-host': 'hunter2' },
    refusedFor: ['redis-url', 'redis-host'],
  },
  {
    title: 'a URL beside a port',
    data: { 'redis-url': 'redis://hunter2', 'redis-port': '6380' },
    refusedFor: ['redis-url', 'redis-port'],
  },
  { title: 'another protocol', data: { 'redis-url': 'http://hunter2@redis' }, refusedFor: ['redis-url'] },
  { title: 'a URL without a host', data: { 'redis-url': 'redis://' }, refusedFor: ['redis-url'] },
  { title: 'a path that is no number', data: { 'redis-url': 'redis://redis/0/1' }, refusedFor: ['redis-url'] },
  { title: 'a database below 0', data: { 'redis-url': 'redis://redis/-1' }, refusedFor: ['redis-url'] },
  {
    title: 'a password that is not percent-encoded',
    data: { 'redis-url': 'redis://u:hunter2%zz@redis' },
    refusedFor: ['redis-url', 'redis-password'],
  },
  {
    title: 'the same, although another password is given beside the URL',
    data: { 'redis-url': 'redis://u:hunter2%zz@redis', 'redis-password': 'hunter2' },
    refusedFor: ['redis-url', 'redis-password'],
  },
  {
    title: 'a port that is none',
    data: { 'redis-host': 'redis', 'redis-port': 'hunter2' },
    refusedFor: ['redis-port'],
  },
  ...['hunter2', '-1', '1.5'].map((text) => ({
    title: `a database such as ${text}`,
    data: { 'redis-host': 'redis', 'redis-db': text },
    refusedFor: ['redis-db'],
  })),
  {
    title: 'a URL beside a database',
    data: { 'redis-url': 'redis://hunter2', 'redis-db': '0' },
    refusedFor: ['redis-url', 'redis-db'],
  },
];
