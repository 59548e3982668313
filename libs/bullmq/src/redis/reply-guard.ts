import type { Socket } from 'node:net';
import { Cluster, Command, type Redis } from 'ioredis';
import dataHandler from 'ioredis/built/DataHandler.js';
import { ReplyMeter } from './reply-meter.ts';
import { ProtocolError, UnexpectedReplyError } from './reply.ts';
import { hearErrors, SteadyConnector } from './steady-connector.ts';

type Listener = (...args: unknown[]) => void;

/**
 * Ends the connection with a `ProtocolError` when the server sends a reply that is too large, that no command waits for,
 * or that has another shape than ioredis takes for granted; the error would otherwise end this process, which serves
 * every tenant, or errors without number would keep it busy. The parser of ioredis sees no byte that was not measured,
 * and one chunk, or two, of a connection per turn of the event loop: whatever a server sends, others get their turn.
 *
 * @param stream before ioredis attaches its parser to it.
 */
export function guardReplies<S extends Socket>(stream: S): S {
  failWithReply();
  hearErrors(stream);
  const resume = (): void => void stream.resume();
  const meter = new ReplyMeter();
  const fail = (error: unknown): void => {
    const what = error instanceof UnexpectedReplyError ? error.what : 'it has another shape';
    stream.destroy(new ProtocolError(what, { cause: error }));
  };
  GUARDED.set(stream, fail);
  METERS.set(stream, meter);
  const prepend = stream.prependListener.bind(stream) as (event: string, listener: Listener) => S;
  const guarded =
    (parse: Listener): Listener =>
    (chunk) => {
      if (stream.destroyed) return;
      // Else Node reads up to 32 chunks, 2 MiB, before anything else gets a turn.
      stream.pause();
      setImmediate(resume);
      try {
        meter.take(chunk as Uint8Array);
        parse(chunk);
      } catch (error) {
        fail(error);
      }
    };
  // This is how ioredis attaches its parser; the tests fail should that change.
  return Object.assign(stream, {
    prependListener: (event: string, listener: Listener) =>
      prepend(event, event === 'data' ? guarded(listener) : listener),
  });
}

/** What ends each guarded connection. */
const GUARDED = new WeakMap<Socket, (error: unknown) => void>();

const METERS = new WeakMap<Socket, ReplyMeter>();

/** What `reading` gives, while replies on the connections of `redis` may have as many bytes. */
export async function withLargeReplies<T>(redis: Redis, bytes: number, reading: () => Promise<T>): Promise<T> {
  const clients = (redis as Redis | Cluster) instanceof Cluster ? (redis as unknown as Cluster).nodes() : [redis];
  const streams = clients.map((client) => (client as unknown as { stream?: Socket }).stream);
  const ends = streams.map((stream) => stream && METERS.get(stream)?.allow(bytes));
  try {
    return await reading();
  } finally {
    for (const end of ends) end?.();
  }
}

interface ReplyDispatcher {
  readonly redis: { readonly stream: Socket; readonly commandQueue: { readonly length: number } };
  dispatch: (this: ReplyDispatcher, handle: () => void) => void;
  shiftCommand: (this: ReplyDispatcher, reply: unknown) => unknown;
  returnFatalError: (this: ReplyDispatcher, error: Error) => void;
}

/**
 * ioredis throws what a parsed reply leads to in a tick of its own, where it would end this process, and emits an error
 * for each reply that no command waits for; on a guarded connection either ends the connection. For the whole process,
 * once; not in ioredis' types.
 */
function failWithReply(): void {
  // Vitest gives the default export of what is CommonJS, Node and bundles give all of its exports.
  const { default: handler = dataHandler } = dataHandler as { default?: unknown };
  const dispatcher = (handler as { prototype: ReplyDispatcher }).prototype;
  if (dispatcher.dispatch === failOrDispatch) return;
  dispatchOf = dispatcher.dispatch;
  dispatcher.dispatch = failOrDispatch;
  shiftCommandOf = dispatcher.shiftCommand;
  dispatcher.shiftCommand = failOrShiftCommand;
  returnFatalErrorOf = dispatcher.returnFatalError;
  dispatcher.returnFatalError = failOrReturnFatalError;
}

let dispatchOf: ReplyDispatcher['dispatch'];
let shiftCommandOf: ReplyDispatcher['shiftCommand'];
let returnFatalErrorOf: ReplyDispatcher['returnFatalError'];

/** Called for each reply but what is published: its command. */
function failOrShiftCommand(this: ReplyDispatcher, reply: unknown): unknown {
  const { stream, commandQueue } = this.redis;
  if (commandQueue.length === 0 && GUARDED.has(stream)) throw new UnexpectedReplyError('no command waits for it');
  return shiftCommandOf.call(this, reply);
}

function failOrDispatch(this: ReplyDispatcher, handle: () => void): void {
  const { stream } = this.redis;
  const fail = GUARDED.get(stream);
  if (!fail) return dispatchOf.call(this, handle);
  try {
    if (stream.destroyed) throw new UnexpectedReplyError('the connection has ended');
    handle();
  } catch (error) {
    fail(error);
    // The parser goes no further: thousands of replies fit into a chunk.
    throw error;
  }
}

function failOrReturnFatalError(this: ReplyDispatcher, error: Error): void {
  const fail = GUARDED.get(this.redis.stream);
  if (fail) fail(error);
  else returnFatalErrorOf.call(this, error);
}

/** Connects to one server, whose replies are guarded. */
export class GuardedConnector extends SteadyConnector {
  override async connect(...args: Parameters<SteadyConnector['connect']>): Promise<Socket> {
    return guardReplies(await super.connect(...args));
  }
}

/**
 * Fails the commands that wait with what ended the connection, or keeps it from coming about; otherwise their error
 * would only mention retries, and they would be sent again on the next connection.
 */
export function failWithConnection(redis: Redis): void {
  redis.on('error', (error: Error & { lastNodeError?: unknown }) => {
    const cause = error.lastNodeError ?? error;
    const { code = '' } = cause as { code?: unknown };
    const isDistrust = typeof code === 'string' && DISTRUST.test(code);
    if (cause instanceof UnexpectedReplyError || isDistrust || error.message.startsWith('All sentinels'))
      (redis as unknown as CommandQueues).flushQueue(error);
  });
}

/** Codes of Node by which one end does not accept the certificate of the other; no further try changes that. */
const DISTRUST = /^ERR_SSL_.*ALERT|^ERR_TLS_CERT|CERT_|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

/** What ioredis does itself when a connection is refused; not in its types. */
interface CommandQueues {
  flushQueue(error: Error): void;
}

const SLOTS = 16_384;
/** Of one Redis Cluster; each gets a client. */
const MAX_NODES = 500;

/**
 * Has replies to CLUSTER looked at before ioredis takes them for a map of slots: it walks through whatever range of
 * slots a server claims, and opens a client for each node that it names. For the whole process; may be called again.
 */
export function guardClusterReplies(): void {
  Command.setReplyTransformer('cluster', (reply) => {
    if (typeof reply === 'string') return reply;
    const nodes = Array.isArray(reply) ? (reply as unknown[]).flatMap(nodesOfRange) : undefined;
    if (nodes === undefined || new Set(nodes).size > MAX_NODES) throw new UnexpectedReplyError('the nodes are none');
    return reply as unknown;
  });
}

/** @throws UnexpectedReplyError unless it is the range of some slots, and the nodes that have them. */
function nodesOfRange(range: unknown): string[] {
  const [from, to, ...nodes] = Array.isArray(range) ? (range as unknown[]) : [];
  if (!isInteger(from, SLOTS - 1) || !isInteger(to, SLOTS - 1) || !nodes.every((node) => Array.isArray(node)))
    throw new UnexpectedReplyError('a range of slots is none');
  return nodes.map(([host, port]: unknown[]) => {
    if ((host !== null && (typeof host !== 'string' || host.length > 255)) || !isInteger(port, 65_535))
      throw new UnexpectedReplyError('a node is none');
    return `${host} ${port}`;
  });
}

function isInteger(value: unknown, max: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max;
}
