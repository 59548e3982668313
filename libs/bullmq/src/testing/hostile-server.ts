import { createServer, type AddressInfo, type Socket } from 'node:net';

export const HOST = '127.0.0.1';

export const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
export const INFO = bulk('redis_version:7.2.0\r\nrole:master\r\n');

/**
 * A server that answers each command, by its words in lower case: what a tenant may run in place of Redis.
 *
 * @param stack gets what ends it.
 * @param host where it listens; `0.0.0.0`: at each address of this machine.
 * @returns its port
 */
export async function startHostileServer(
  stack: (() => unknown)[],
  answer: (words: string[], socket: Socket) => string,
  host = HOST,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('data', (data) => {
      for (const command of data
        .toString()
        .split(/^\*\d+\r\n/m)
        .slice(1)) {
        const words = command.split('\r\n').filter((_, line) => line % 2 === 1);
        socket.write(
          answer(
            words.map((word) => word.toLowerCase()),
            socket,
          ),
        );
      }
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, host, resolve));
  stack.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
