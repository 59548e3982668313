import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface RoughProxyOptions {
  /** Each reply arrives so much later, ms. */
  readonly delayMs?: number;
  /** Each connection is dropped after so many replies, in place of the next one; several that come together are one. */
  readonly dropAfterReplies?: number;
}

/** A TCP way to a Redis on 127.0.0.1 that works, but badly. */
export async function startRoughProxy(
  target: number,
  { delayMs = 0, dropAfterReplies = Infinity }: RoughProxyOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const later = (afterMs: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, afterMs);
    timers.add(timer);
  };
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target });
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', () => {}));
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => void upstream.write(data));
    let replies = 0;
    upstream.on('data', (data) => {
      if (++replies > dropAfterReplies) end();
      else later(delayMs, () => void (client.writable && client.write(data)));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
