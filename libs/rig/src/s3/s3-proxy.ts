import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A request to an S3 server, as its first line has it. */
export interface S3Request {
  readonly method: string;
  /** With the query: `/backups/shop/part-00001?partNumber=2&uploadId=…`. */
  readonly url: string;
  /** Its header lines, as they were sent. */
  readonly headers: string;
}

/** What becomes of a request and its answer. */
export type S3Fault =
  /** Nobody answers; the connection stays. */
  | { readonly kind: 'hang' }
  /** The proxy answers, as S3 does. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** The connection ends after so many bytes of the request. */
  | { readonly kind: 'break request'; readonly afterBytes: number }
  /** The connection ends after so many bytes of the answer; 0 is an answer that is lost whole. */
  | { readonly kind: 'break answer'; readonly afterBytes: number }
  /** The answer has one header more. */
  | { readonly kind: 'add header'; readonly header: string }
  /** No more than so many bytes of the answer arrive; the connection stays. */
  | { readonly kind: 'stop answer'; readonly afterBytes: number };

/** A way to an S3 server on loopback on which requests fail. Every connection has one request. */
export interface S3Proxy extends AsyncDisposable {
  readonly port: number;
  readonly endpoint: string;
  /** Every request since the start. */
  readonly requests: readonly S3Request[];
}

/** @param fault decides over each request as it arrives; undefined lets it through. */
export async function startS3Proxy(
  target: { readonly port: number },
  fault: (request: S3Request) => S3Fault | undefined,
): Promise<S3Proxy> {
  const sockets = new Set<Socket>();
  const requests: S3Request[] = [];
  const adopt = (socket: Socket): Socket => {
    sockets.add(socket.on('error', () => {}));
    return socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    adopt(client).once('data', (head) => {
      const [line = '', ...headers] = head.toString('latin1').split('\r\n\r\n', 1)[0]!.split('\r\n');
      const [method = '', url = ''] = line.split(' ');
      const request = { method, url, headers: headers.join('\n') };
      requests.push(request);
      const what = fault(request);
      if (what?.kind === 'hang') return void client.resume();
      if (what?.kind === 'answer') return refuse(client, what);
      const upstream = adopt(connect({ host: '127.0.0.1', port: target.port }));
      pass(head, client, upstream, what);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

function pass(head: Buffer, client: Socket, upstream: Socket, fault: S3Fault | undefined): void {
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  client.on('close', end);
  upstream.on('close', () => void (fault?.kind !== 'stop answer' && client.end()));
  const toServer = limited(upstream, fault?.kind === 'break request' ? fault.afterBytes : Infinity, end);
  const stays = fault?.kind === 'stop answer';
  const most = fault?.kind === 'break answer' || stays ? fault.afterBytes : Infinity;
  const toClient = limited(client, most, stays ? () => {} : end);
  client.on('data', toServer);
  upstream.once('data', (data) => {
    toClient(fault?.kind === 'add header' ? withHeader(data, fault.header) : data);
    upstream.on('data', toClient);
  });
  toServer(head);
}

/** Writes to `socket`, but no more than `most` bytes; `then` is called when there would be more. */
function limited(socket: Socket, most: number, then: () => void): (data: Buffer) => void {
  let left = most;
  return (data) => {
    if (data.length <= left) socket.write(data);
    else if (left > 0) socket.write(data.subarray(0, left), then);
    else then();
    left = Math.max(0, left - data.length);
  };
}

/** The beginning of an answer, with one more header, unless it only says that the request may go on. */
function withHeader(answer: Buffer, header: string): Buffer {
  const text = answer.toString('latin1');
  const at = text.indexOf('\r\n', text.lastIndexOf('HTTP/1.1 '));
  return Buffer.from(`${text.slice(0, at)}\r\n${header}${text.slice(at)}`, 'latin1');
}

function refuse(client: Socket, { status, code }: S3Fault & { kind: 'answer' }): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}.</Message></Error>`;
  const head = `HTTP/1.1 ${status} ${code}\r\ncontent-type: application/xml\r\ncontent-length: ${body.length}\r\nconnection: close`;
  client.resume().end(`${head}\r\n\r\n${body}`);
}
