import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Registry } from 'prom-client';
import type { Log } from '../manager/types.ts';
import { unlessAborted } from '../time/unless-aborted.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { WebhookMetrics } from './metrics.ts';
import { answer, concerns, judge, parseReview, PASSES, type Review } from './review.ts';
import type { Defaults, KindAdmission, Verdict } from './types.ts';

export interface WebhookServerOptions {
  port: number;
  host?: string;
  registry: Registry;
  log: Log;
  /** Of one request. Default 6.5 MiB: two objects of 3 MiB, which is what the API server takes, and what is around them. */
  maxBodyBytes?: number;
  /** Of all requests that are being read. Default 20 MiB. */
  maxBufferedBytes?: number;
  /** Default 512. */
  maxConnections?: number;
  /** Longest time until an answer, whatever the API server would wait for. Default 4 s. */
  deadlineMs?: number;
}

/** A certificate and its key, as PEM; the chain up to the CA may follow the certificate. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

const MIB = 1024 * 1024;
const DEFAULTS = { maxBodyBytes: 6.5 * MIB, maxBufferedBytes: 20 * MIB, maxConnections: 512, deadlineMs: 4_000 };
/** Of what the API server waits, this is left for the way back. */
const WAY_BACK_MS = 300;
/** A connection over which no whole request comes is closed. */
const REQUEST_MS = 10_000;
const HANDSHAKE_MS = 5_000;
const MIN_TLS = 'TLSv1.2';
/** The API server's own is 90 s: it, and not we, closes a connection that it may be about to use. */
const KEEP_ALIVE_MS = 120_000;

/**
 * Answers AdmissionReviews of admission.k8s.io/v1 at `/validate/<kind>` and `/mutate/<kind>`, on every replica. What it
 * cannot judge, by a failure of ours or because time is up, passes with a warning: the conditions say later what a
 * webhook says sooner. What is no AdmissionReview, or more than there is room for, is refused with an HTTP status.
 */
export class WebhookServer {
  readonly #options: WebhookServerOptions & typeof DEFAULTS;
  readonly #kinds = new Map<string, KindAdmission>();
  readonly #metrics: WebhookMetrics;
  readonly #connections: ConnectionLimit;
  #certificate: ServingCertificate | undefined;
  #server: Server | undefined;
  #bufferedBytes = 0;

  constructor(options: WebhookServerOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#metrics = new WebhookMetrics(options.registry);
    this.#connections = new ConnectionLimit(this.#options.maxConnections);
  }

  register(admission: KindAdmission): void {
    this.#kinds.set(admission.kind, admission);
  }

  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  get hasCertificate(): boolean {
    return this.#certificate !== undefined;
  }

  /** Served from the next handshake on; connections that are open stay as they are. */
  serve(certificate: ServingCertificate): void {
    const { cert, key } = this.#certificate ?? {};
    if (certificate.cert === cert && certificate.key === key) return;
    this.#server?.setSecureContext({ ...certificate, minVersion: MIN_TLS });
    this.#certificate = certificate;
  }

  async start(): Promise<void> {
    const server = createServer(
      {
        ...this.#certificate,
        minVersion: MIN_TLS,
        handshakeTimeout: HANDSHAKE_MS,
        requestTimeout: REQUEST_MS,
        connectionsCheckingInterval: REQUEST_MS / 4,
      },
      (request, response) => void this.#serve(request, response),
    );
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.on('connection', (socket: Socket) => this.#connections.opened(socket));
    // Of a handshake that failed; the API server tells of its own.
    server.on('tlsClientError', () => undefined);
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const why = `Port ${port} cannot be served: ${error.message}; choose another with --webhook-port.`;
        reject(new Error(why, { cause: error }));
      });
      server.listen(port, host, resolve);
    });
    server.unref();
    this.#server = server;
  }

  /** Answers what has come, takes nothing new, and ends all connections at the latest after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const url = new URL(request.url ?? '/', 'https://localhost');
    const asked = this.#askedOf(url.pathname);
    if (!asked) return refuse(response, 404, 'not found; try /validate/<kind> or /mutate/<kind>');
    const done = this.#metrics.begin(url.pathname);
    response.once('close', () => {
      // 499: who asked is gone, as nginx calls it.
      done(response.headersSent ? response.statusCode : 499);
      this.#connections.idle(socket);
    });
    try {
      const review = parseReview(await this.#read(request));
      this.#connections.busy(socket);
      const text = JSON.stringify(answer(review.uid, await this.#judge(asked, review, timeoutOf(url))));
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    } catch (error) {
      const { status = 400, message } = error as Error & { status?: number };
      refuse(response, status, message);
    }
  }

  #askedOf(path: string): Asked | undefined {
    const [, verb, kind = ''] = /^\/(validate|mutate)\/([a-z]{1,63})$/.exec(path) ?? [];
    const admission = this.#kinds.get(kind);
    return verb && admission ? { verb: verb as Asked['verb'], admission } : undefined;
  }

  async #judge({ admission, verb }: Asked, review: Review, timeoutMs: number | undefined): Promise<Verdict & Defaults> {
    const { deadlineMs, log } = this.#options;
    const signal = AbortSignal.timeout(Math.max(1, Math.min(deadlineMs, (timeoutMs ?? Infinity) - WAY_BACK_MS)));
    const request = concerns(review, signal);
    if (!request) return PASSES;
    try {
      return await unlessAborted(signal, () => judge(admission, verb, request));
    } catch (error) {
      const { namespace, object } = request;
      log.warn({ err: error, kind: admission.kind, namespace, object: object.metadata.name }, 'passed unchecked');
      const why = signal.aborted ? 'the answer took too long' : 'an error of the controller, which its log names';
      return {
        ...PASSES,
        warnings: [`not checked beforehand: ${why}; the conditions of the object will say what is wrong`],
      };
    }
  }

  async #read(request: IncomingMessage): Promise<string> {
    const { maxBodyBytes, maxBufferedBytes } = this.#options;
    if (request.method !== 'POST') throw refusal(405, 'an AdmissionReview is sent by POST');
    if (request.headers['content-type']?.split(';')[0]?.trim() !== 'application/json')
      throw refusal(415, 'an AdmissionReview is sent as application/json');
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#bufferedBytes += chunk.length;
        if (bytes > maxBodyBytes) throw refusal(413, `the body is longer than ${maxBodyBytes} bytes`);
        if (this.#bufferedBytes > maxBufferedBytes) throw refusal(503, 'too many long requests at once; try again');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    } finally {
      this.#bufferedBytes -= bytes;
    }
  }
}

interface Asked {
  readonly verb: 'validate' | 'mutate';
  readonly admission: KindAdmission;
}

/** How long the API server waits, from the query that it adds, such as `timeout=5s`. */
function timeoutOf(url: URL): number | undefined {
  const [, seconds] = /^(\d{1,2})s$/.exec(url.searchParams.get('timeout') ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

const refusal = (status: number, message: string): Error => Object.assign(new Error(message), { status });

function refuse(response: ServerResponse, status: number, message: string): void {
  // What is left of a body is not read: the connection ends.
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${message}\n`);
}
