// oxlint-disable-next-line typescript/triple-slash-reference -- ambient types that must follow this file into other projects
/// <reference path="./undici-parts.d.ts" />
import type { Dispatcher } from 'undici';
// Not the package's index: fetch, WebSocket, caches and mocks, unused here, cost 9 MiB of every controller.
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';
import { ApiError, ConnectionError, WritesStoppedError, type ApiStatus } from './api-error.ts';
import type { Access, Credentials, TlsOptions } from './credentials.ts';
import { FairPool } from '../queue/fair-pool.ts';
import { loopTurns } from '../time/loop-turns.ts';
import { unlessAborted } from '../time/unless-aborted.ts';
import { guardWrites } from './guarded-writes.ts';
import { jsonBody } from './json-body.ts';
import { LineSplitter } from './line-splitter.ts';
import { ListSplitter } from './list-splitter.ts';

export interface RequestInput {
  /** Kubernetes' name of the operation, for metrics. */
  verb: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  contentType?: string;
  /** A form of JSON other than the plain one. */
  accept?: string;
  signal?: AbortSignal;
  /** For lists: gives what is kept of each item, as it arrives; the whole is never in memory. */
  each?: (item: unknown) => unknown;
}

/** One event of a watch, as sent. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: unknown;
}

/** Ends normally when the server closes the watch; throws `ConnectionError` when it breaks or falls silent. */
export interface WatchStream extends AsyncIterable<WatchEvent> {
  close(): void;
}

/** `code` is the HTTP status, or `<error>` when there was no answer. */
export type RequestObserver = (request: {
  verb: string;
  method: string;
  host: string;
  code: string;
  seconds: number;
}) => void;

export interface TransportOptions {
  credentials: Credentials;
  userAgent: string;
  /** Requests at once, each on a connection of its own; watches come on top. Default 24. */
  maxConnections?: number;
  /** Whether the writes of a namespace have only a share of the connections. Default true. */
  sharesByNamespace?: boolean;
  http2?: boolean;
  /** A request that has not been answered in so long is given up, however long it waited for a connection. Default 15 s, a list 60 s. */
  requestTimeoutMs?: number;
  /** A watch that is silent for this long is taken for dead; the server sends a bookmark about once a minute. */
  watchSilenceMs?: number;
}

/** A namespace alone has 8 of these for its writes. */
const MAX_CONNECTIONS = 24;
/** Below the API server's own idle timeout of 90 s, so that the client and not the server closes an idle connection. */
const KEEP_ALIVE_MS = 60_000;
/** Above the 10 s that an admission webhook has by default, so that its failure is told and not ours. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Of tens of thousands of objects. */
const LIST_TIMEOUT_MS = 60_000;
const MAX_RETRIES = 4;
/** How long a request waits in all because the server asks it to; with a longer wait its sender has to say so, within 10 s. */
const MAX_RETRY_AFTER_MS = 3_000;

/** What a request may throw. */
const FAILURES = [ApiError, ConnectionError, WritesStoppedError];

interface Pools {
  tls: TlsOptions;
  requests: Dispatcher;
  watches: Dispatcher;
}

/** HTTP to one API server over kept-alive connections; authentication is handled here. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #writes: FairPool;
  #pools: Pools | undefined;
  #observer: RequestObserver = () => undefined;
  #guardWrite: () => void = () => undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { http2 = false, maxConnections = MAX_CONNECTIONS, sharesByNamespace = true } = options;
    this.#writes = new FairPool(sharesByNamespace && !http2 ? maxConnections : Infinity);
  }

  observe(observer: RequestObserver): void {
    this.#observer = observer;
  }

  /**
   * Calls `guard` before each request that writes, at the moment when it is sent; what it throws is thrown instead. By it
   * a process that may no longer lead stops writing, whatever its timers have missed.
   */
  guardWrites(guard: () => void): void {
    this.#guardWrite = guard;
  }

  /**
   * Another transport to the same server, seen by the same observer, with connections of its own, all of them for any
   * namespace: nothing that hangs on this one delays it.
   */
  separate(options: Pick<TransportOptions, 'maxConnections' | 'requestTimeoutMs'>): Transport {
    const transport = new Transport({ ...this.#options, sharesByNamespace: false, ...options });
    transport.observe(this.#observer);
    return transport;
  }

  /**
   * Sends a request, again where that is safe, and reads the whole answer.
   *
   * @returns the parsed body
   * @throws ApiError what the server says; ConnectionError when it says nothing, at the latest at the deadline
   */
  async request(input: RequestInput): Promise<unknown> {
    const { requestTimeoutMs = input.verb === 'list' ? LIST_TIMEOUT_MS : REQUEST_TIMEOUT_MS } = this.#options;
    const deadline = new AbortController();
    const late = new ConnectionError(describe(input), new Error(`no answer in ${requestTimeoutMs / 1000} s`));
    const timer = setTimeout(() => deadline.abort(late), requestTimeoutMs);
    const signal = input.signal ? AbortSignal.any([input.signal, deadline.signal]) : deadline.signal;
    let refusal: ApiError | undefined;
    try {
      // undici rejects a request that waits for a connection only when it gets one: until then the signal is ours to obey.
      return await unlessAborted(signal, () => this.#tryRequest({ ...input, signal }, (now) => void (refusal = now)));
    } catch (error) {
      // Its time was over while it waited as it was asked to: what was answered says more than that.
      if (signal.aborted && refusal) throw refusal;
      throw FAILURES.some((type) => error instanceof type) ? error : new ConnectionError(describe(input), error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param onWait called with the answer because of which it waits, and with undefined when it goes on. */
  async #tryRequest(
    input: RequestInput & { signal: AbortSignal },
    onWait: (refusal: ApiError | undefined) => void,
  ): Promise<unknown> {
    let waitedMs = 0;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#exchange(input);
      } catch (error) {
        const waitMs = attempt < MAX_RETRIES ? retryDelayMs(input, error, attempt) : undefined;
        if (waitMs === undefined || waitedMs + waitMs > MAX_RETRY_AFTER_MS || input.signal.aborted) throw error;
        waitedMs += waitMs;
        if (error instanceof ApiError && error.code === 401) this.#options.credentials.forget();
        onWait(error instanceof ApiError ? error : undefined);
        await sleep(waitMs, input.signal);
        onWait(undefined);
      }
    }
  }

  /**
   * Sends a request and reads its answer. A write has its turn first, with a share of the connections by namespace: a
   * namespace may have a webhook that hangs on all its writes, and needs no right for that in others.
   */
  async #exchange(input: RequestInput): Promise<unknown> {
    const run = async (): Promise<unknown> => readJson(input, await this.#dispatch(input, false));
    if (input.method === 'GET') return run();
    const namespace = /\/namespaces\/([^/]+)\//.exec(input.path)?.[1];
    // Who gave up meanwhile has a turn as well, and ends at once with it.
    const turn = await this.#writes.run({ path: namespace === undefined ? [] : [namespace], last: false, run });
    return turn?.result;
  }

  async watch(input: RequestInput): Promise<WatchStream> {
    const response = await this.#dispatch(input, true);
    if (response.statusCode !== 200) {
      if (response.statusCode === 401) this.#options.credentials.forget();
      await readJson(input, response);
      throw new ConnectionError(describe(input), new Error(`unexpected status ${response.statusCode}`));
    }
    const { body } = response;
    return {
      close: () => body.destroy(),
      async *[Symbol.asyncIterator]() {
        const lines = new LineSplitter();
        try {
          for await (const chunk of body) {
            for (const line of lines.push(chunk as Buffer)) yield JSON.parse(line) as WatchEvent;
          }
        } catch (error) {
          throw new ConnectionError(describe(input), error);
        } finally {
          body.destroy();
        }
      },
    };
  }

  async close(): Promise<void> {
    const pools = this.#pools;
    this.#pools = undefined;
    await Promise.all([pools?.requests.destroy(), pools?.watches.destroy()]);
  }

  async #dispatch(input: RequestInput, isWatch: boolean): Promise<Dispatcher.ResponseData> {
    const started = performance.now();
    let code = '<error>';
    let host = '';
    try {
      const access = await this.#options.credentials.current();
      host = new URL(access.server).host;
      const pools = this.#poolsFor(access);
      const response = await request.call(isWatch ? pools.watches : pools.requests, {
        origin: access.server,
        path: input.path + queryString(input.query),
        method: input.method,
        headers: {
          ...access.headers,
          accept: input.accept ?? 'application/json',
          'user-agent': this.#options.userAgent,
          ...(input.body === undefined ? {} : { 'content-type': input.contentType ?? 'application/json' }),
        },
        body: input.body === undefined ? undefined : jsonBody(input.body),
        signal: input.signal,
        headersTimeout: LIST_TIMEOUT_MS,
        bodyTimeout: isWatch ? (this.#options.watchSilenceMs ?? 150_000) : LIST_TIMEOUT_MS,
      });
      code = String(response.statusCode);
      return response;
    } catch (error) {
      throw error instanceof WritesStoppedError ? error : new ConnectionError(describe(input), error);
    } finally {
      const { verb, method } = input;
      this.#observer({ verb, method, host, code, seconds: (performance.now() - started) / 1000 });
    }
  }

  /**
   * New connections only when the CA or the client certificate were rotated; requests under way end on the old ones.
   */
  #poolsFor({ tls, proxyUrl }: Access): Pools {
    if (this.#pools?.tls === tls) return this.#pools;
    const old = this.#pools;
    const { http2 = false, maxConnections = MAX_CONNECTIONS } = this.#options;
    const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 };
    const shared = { keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS, allowH2: http2, connect };
    const pool = (connections: number | null): Dispatcher =>
      proxyUrl === undefined
        ? new Agent({ ...shared, connections })
        : new ProxyAgent({ ...shared, connections, uri: proxyUrl, requestTls: connect });
    // Watches hold a connection each; in the pool of the requests they would starve them.
    const requests = guardWrites(pool(http2 ? 1 : maxConnections), () => this.#guardWrite());
    this.#pools = { tls, requests, watches: http2 ? requests : pool(null) };
    void Promise.allSettled([old?.requests.close(), old?.watches.close()]);
    return this.#pools;
  }
}

async function readJson(input: RequestInput, response: Dispatcher.ResponseData): Promise<unknown> {
  const isSuccess = response.statusCode >= 200 && response.statusCode < 300;
  let text: string;
  try {
    if (isSuccess && input.each) return await readList(response, input.each);
    text = await response.body.text();
  } catch (error) {
    throw new ConnectionError(describe(input), error);
  }
  if (isSuccess) return text === '' ? undefined : JSON.parse(text);
  const retryAfter = Number(response.headers['retry-after']);
  const retryAfterMs = Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined;
  throw new ApiError(describe(input), parseStatus(text, response.statusCode), retryAfterMs);
}

async function readList(
  { body }: Dispatcher.ResponseData,
  each: (item: unknown) => unknown,
): Promise<{ items?: unknown }> {
  const splitter = new ListSplitter();
  const items: unknown[] = [];
  for await (const chunk of body) {
    // What has come in already is handed out without a turn of the event loop in between.
    await loopTurns.nextPart();
    for (const item of splitter.push(chunk as Buffer)) items.push(each(JSON.parse(item)));
  }
  const list = JSON.parse(splitter.end()) as { items?: unknown };
  return Array.isArray(list.items) ? { ...list, items } : list;
}

/** A proxy or load balancer before the server may answer in any format. */
function parseStatus(text: string, code: number): ApiStatus {
  try {
    const parsed = JSON.parse(text) as ApiStatus & { kind?: string };
    if (parsed.kind === 'Status') return { ...parsed, code };
  } catch {
    // Not JSON: the text itself is the message.
  }
  return { code, reason: 'Unknown', message: text.slice(0, 200).trim() };
}

/** @returns how long to wait before the next try; undefined: there is none */
function retryDelayMs(input: RequestInput, error: unknown, attempt: number): number | undefined {
  if (error instanceof ApiError) {
    if (error.code === 401 && attempt === 0) return 0;
    if ((error.code === 429 || error.code >= 500) && error.retryAfterMs !== undefined) {
      return error.retryAfterMs;
    }
    return undefined;
  }
  // An idle connection may be closed by the server at the very moment it is used. Only a read is safe to repeat unseen.
  return input.method === 'GET' && attempt === 0 ? 0 : undefined;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', fail);
      resolve();
    }, ms);
    signal?.addEventListener('abort', fail, { once: true });
  });
}

const describe = (input: RequestInput): string => `${input.method} ${input.path}`;

function queryString(query: RequestInput['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
