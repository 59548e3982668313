import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { Log } from '../log/log.ts';

/**
 * A process as the holder of its jobs' locks: their tokens name it, and the kernel tells the other processes of its pod
 * whether it lives.
 */
export interface Holding {
  /** Names the pod, where its processes can prove something of each other, and the process: `<pod>/<where>/<process>`. */
  readonly id: string;
  /** What the ids of all processes begin with of which this one can prove that they are dead; undefined: of none. */
  readonly provable: string | undefined;
  /**
   * The id for jobs that processes of their own run, which may go on when this one has died: they have to inherit
   * `inherited`. Where they cannot, it proves nothing.
   */
  readonly idOfChildren: string;
  /** The file descriptor that keeps this process's name bound for as long as one that has inherited it lives. */
  readonly inherited: number | undefined;
  /** Whether the process of this id is dead for certain; false also when nobody can tell. */
  isDead: (id: string) => Promise<boolean>;
  /** From now on others may take this process for dead: it holds nothing any more. */
  close: () => void;
}

/** The kernel answers at once, also for a process that is frozen; this bounds what nobody foresees. */
const PROBE_MS = 5_000;

/**
 * Begins to hold: binds a Unix socket that no other process can have, in the kernel's abstract namespace, which is one
 * per network namespace, so one per pod: all of its containers and their processes share it, also after a restart of a
 * container. The kernel unbinds the socket when the process has ended, whatever ended it, and not before its last thread
 * has: a name without a socket is the proof that its process is dead, and so are those that run its jobs in files, which
 * inherit the socket.
 *
 * Where that cannot be had (no Linux, a sandbox without it) locks end by their time, as those of any other worker.
 */
export async function openHolding(podName: string, log: Log): Promise<Holding> {
  const nonce = randomUUID();
  const unproven = `${podName}//${nonce}`;
  const namespace = networkNamespace();
  const server = namespace === undefined ? undefined : await bind(nonce);
  if (!server || !(await provesAnything(nonce))) {
    server?.close();
    log.warn(
      'cannot prove to other processes of this pod that this one lives: jobs wait for their locks after a crash',
    );
    return {
      id: unproven,
      idOfChildren: unproven,
      inherited: undefined,
      provable: undefined,
      isDead: () => Promise.resolve(false),
      close: () => undefined,
    };
  }
  const provable = `${podName}/${namespace}/`;
  const id = `${provable}${nonce}`;
  const inherited = descriptorOf(server);
  return {
    id,
    idOfChildren: inherited === undefined ? unproven : id,
    inherited,
    provable,
    isDead: async (of) => {
      const other = of.startsWith(provable) ? of.slice(provable.length) : '';
      return NONCE.test(other) && other !== nonce && (await isUnbound(other));
    },
    close: () => void server.close(),
  };
}

const NONCE = /^[0-9a-f-]{36}$/;

/** The token of a lock: unique per fetch from a queue; with '' what all of the process begin with. */
export function lockToken(holdingId: string, fetch: number | ''): string {
  return `${holdingId}:${fetch}`;
}

/** Whose token it is; '' when it is none of ours. */
export function holderOf(token: string): string {
  return token.slice(0, Math.max(0, token.lastIndexOf(':')));
}

/**
 * The network namespace that this process is in, by the boot of its kernel and the namespace's number, which no two have
 * at once. One that has the number of an earlier one proves no less: where a namespace is gone, so are its processes.
 */
function networkNamespace(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readlinkSync('/proc/self/ns/net');
    return createHash('sha256').update(`${boot} ${namespace}`).digest('base64url').slice(0, 16);
  } catch {
    return undefined;
  }
}

function socketOf(nonce: string): string {
  return `\0redis-queue-worker/${nonce}`;
}

async function bind(nonce: string): Promise<Server | undefined> {
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  const server = createServer((socket) => void socket.destroy());
  server.once('error', () => resolve(undefined));
  // Not shared with the primary of a node:cluster, which would keep it when this process has ended.
  server.listen({ path: socketOf(nonce), exclusive: true }, () => resolve(server));
  server.unref();
  return await promise;
}

/** Node has it, and no public name for it. */
function descriptorOf(server: Server): number | undefined {
  const handle = Reflect.get(server, '_handle') as { fd?: number } | undefined;
  const fd = handle?.fd;
  return fd !== undefined && fd > 2 ? fd : undefined;
}

/** That the names mean what they should: this process is found by its own, and nobody by one that nobody has. */
async function provesAnything(nonce: string): Promise<boolean> {
  return !(await isUnbound(nonce)) && (await isUnbound(randomUUID()));
}

async function isUnbound(nonce: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketOf(nonce) });
  socket.once('connect', () => resolve(false));
  // Any other error, such as EAGAIN of a frozen process that many have asked for, comes from a socket that is there.
  socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  // Of a process that is short of the CPU the timer is due before an answer that came long ago is read: that one first.
  const timer = setTimeout(() => setImmediate(resolve, false), PROBE_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
