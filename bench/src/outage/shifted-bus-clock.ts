import { connect, createServer, type AddressInfo } from 'node:net';

/** A TCP proxy to a Redis whose clock can be set: answers to TIME are shifted, all else passes as it is. */
export interface ShiftedBusClock extends AsyncDisposable {
  readonly port: number;
  setAheadMs(aheadMs: number): void;
}

/** The answer to TIME: seconds and microseconds. No other command of the bus answers with two such numbers. */
const TIME_REPLY = /(\*2\r\n\$10\r\n)([0-9]{10})(\r\n\$[1-6]\r\n[0-9]{1,6}\r\n)/g;

/** @param target port on 127.0.0.1 */
export async function startShiftedBusClock(target: number): Promise<ShiftedBusClock> {
  let aheadSeconds = 0;
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target });
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      const text = data.toString('latin1');
      const shifted = text.replace(
        TIME_REPLY,
        (_, head: string, seconds: string, tail: string) => `${head}${Number(seconds) + aheadSeconds}${tail}`,
      );
      client.write(shifted, 'latin1');
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    setAheadMs: (aheadMs) => void (aheadSeconds = Math.round(aheadMs / 1_000)),
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}
