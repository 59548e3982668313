import { Socket } from 'node:net';
import { mayWrite, RedisCommands } from './redis-commands.ts';

// Preloaded into an app: says when it begins a write, by its own clock, as the last thing before the system call. A proxy
// alone sees it later, by as much as a busy machine keeps either of them waiting.
const API_PORT = Number(process.env['STAMP_API_PORT']);
const REDIS_PORT = Number(process.env['STAMP_REDIS_PORT']);
const HEAD_OF_WRITE = /^(POST|PUT|PATCH|DELETE) \S+ HTTP\/1\.1\r\n/;

const commandsOf = new WeakMap<Socket, RedisCommands>();
type Write = (this: Socket, ...args: unknown[]) => boolean;
// oxlint-disable-next-line typescript/unbound-method -- called with the socket below
const write = Socket.prototype.write as unknown as Write;

/** To the API server in a header of the request, which the proxy reads; what goes to Redis in a line of the log. */
Socket.prototype.write = function (this: Socket, chunk: unknown, ...rest: unknown[]): boolean {
  if (this.remotePort === API_PORT && typeof chunk === 'string') {
    const stamped = chunk.replace(HEAD_OF_WRITE, (head) => `${head}x-begun-ms: ${Date.now()}\r\n`);
    return write.call(this, stamped, ...rest);
  }
  if (this.remotePort === REDIS_PORT && (typeof chunk === 'string' || Buffer.isBuffer(chunk))) {
    const commands = commandsOf.get(this) ?? new RedisCommands();
    commandsOf.set(this, commands);
    for (const name of commands.push(Buffer.from(chunk as string)))
      if (mayWrite(name)) process.stdout.write(`{"begunMs":${Date.now()},"redis":"${name}"}\n`);
  }
  return write.call(this, chunk, ...rest);
};
