import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { readWrite, type ApiWrite } from './api-write.ts';

/** What a client gets instead of the API server's answer. */
export interface ApiAnswer {
  readonly code: number;
  readonly headers?: OutgoingHttpHeaders;
  /** A Status object, or the plain text with which the API server answers before it knows what is asked. */
  readonly body: object | string;
}

/**
 * Decides what becomes of a write: an answer is given in place of the API server's; with undefined the write goes
 * through, as soon as the promise resolves. A promise that never resolves is a server that never answers.
 */
export type Intercept = (write: ApiWrite) => ApiAnswer | undefined | Promise<ApiAnswer | undefined>;

/** An HTTP proxy on loopback before a real API server, which sees every write and may answer in its place. */
export interface ApiProxy extends AsyncDisposable {
  readonly port: number;
  /** The administrator's, by way of the proxy. */
  readonly kubeconfigPath: string;
  /** Every write since the start, in the order of arrival. */
  readonly writes: readonly ApiWrite[];
  /** From now on writes, or all requests and watches, wait until `answerAgain`; then they go on their way. */
  hang(what: 'writes' | 'everything'): void;
  answerAgain(): void;
}

/** Of requests that go on to the API server; hop-by-hop headers are the proxy's own (RFC 9110, 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);

export async function startApiProxy(
  { kubeconfigPath, server }: Pick<ControlPlane, 'kubeconfigPath' | 'server'>,
  intercept: Intercept = () => undefined,
): Promise<ApiProxy> {
  const agent = new Agent({ keepAlive: true, ca: authorityOf(kubeconfigPath) });
  const writes: ApiWrite[] = [];
  const streams = new Map<IncomingMessage, ServerResponse>();
  let hung: { readonly what: 'writes' | 'everything'; readonly over: PromiseWithResolvers<void> } | undefined;
  const pass = (from: IncomingMessage, to: ServerResponse, body?: Buffer, write?: ApiWrite): void => {
    const headers = Object.fromEntries(Object.entries(from.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
    const upstream = request(new URL(from.url ?? '/', server), { agent, method: from.method, headers });
    upstream.on('response', (answer) => {
      if (write) write.code = answer.statusCode;
      to.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
      streams.set(
        answer.on('close', () => streams.delete(answer)),
        to,
      );
      if (hung?.what !== 'everything') answer.pipe(to);
      answer.on('error', () => to.destroy());
    });
    upstream.on('error', () => to.destroy());
    // A held write goes on its way although its sender is gone, as one does that is in the network.
    if (!write) to.on('close', () => upstream.destroy());
    upstream.end(body);
  };
  const decide = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const write = readWrite(from);
    if (!write) {
      if (hung?.what === 'everything') await hung.over.promise;
      return pass(from, to);
    }
    writes.push(write);
    const body = await bodyOf(from);
    write.body = body.length > 0 ? (JSON.parse(body.toString()) as ApiWrite['body']) : {};
    await hung?.over.promise;
    const answer = await intercept(write);
    if (!answer) return pass(from, to, body, write);
    write.code = answer.code;
    const isText = typeof answer.body === 'string';
    to.writeHead(answer.code, { 'content-type': isText ? 'text/plain' : 'application/json', ...answer.headers });
    to.end(isText ? answer.body : JSON.stringify(answer.body));
  };
  const proxy = createServer({ keepAliveTimeout: 120_000 }, (from, to) => {
    from.on('error', () => undefined);
    to.on('error', () => undefined);
    decide(from, to).catch(() => to.destroy());
  });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  const path = `${kubeconfigPath}.${port}`;
  const through = readFileSync(kubeconfigPath, 'utf8').replaceAll(server, `http://127.0.0.1:${port}`);
  writeFileSync(path, through, { mode: 0o600 });
  return {
    port,
    kubeconfigPath: path,
    writes,
    hang: (what) => {
      hung = { what, over: Promise.withResolvers() };
      if (what === 'everything') for (const [answer, to] of streams) answer.unpipe(to);
    },
    answerAgain: () => {
      hung?.over.resolve();
      if (hung?.what === 'everything') for (const [answer, to] of streams) answer.pipe(to);
      hung = undefined;
    },
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise<void>((resolve) => void proxy.close(() => resolve()));
      agent.destroy();
    },
  };
}

function authorityOf(kubeconfigPath: string): Buffer {
  type Config = { clusters: { cluster: { 'certificate-authority-data': string } }[] };
  const { clusters } = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Config;
  return Buffer.from(clusters[0]!.cluster['certificate-authority-data'], 'base64');
}

function withoutHopByHop(headers: IncomingMessage['headers']): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
