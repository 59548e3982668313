import { program, startProcess, type ChildHandle } from '@redis-queue/rig';

/** A pod as the API server has it. */
export interface StoredPod {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly reason?: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly state?: {
        readonly running?: object;
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly exitCode: number };
      };
    }[];
  };
}

/** The pods of one namespace, and what they answer over HTTP. */
export interface PodApi {
  readonly create: (pod: object) => Promise<void>;
  /** @returns undefined where there is none */
  readonly read: (name: string) => Promise<StoredPod | undefined>;
  /** Deletes it; without a grace period of its own, with that of the pod. */
  readonly remove: (name: string, gracePeriodSeconds?: number) => Promise<void>;
  /** The last lines that its container wrote, before it was started again too. */
  readonly log: (name: string) => Promise<string>;
  /** Asks the pod; undefined where nothing answers. */
  readonly ask: (name: string, port: number, path: string) => Promise<{ status: number; body: string } | undefined>;
  readonly close: () => Promise<void>;
}

const REQUEST_MS = 30_000;
const ASK_MS = 5_000;
const LOG_LINES = 5;

/**
 * By one `kubectl proxy` for all requests: the namespace's pods, and nothing else, are open to this machine while it
 * runs. To start kubectl for each request would take longer than what some rows measure.
 */
export async function openPodApi(kubeconfigPath: string, namespace: string): Promise<PodApi> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const proxy = startProcess(program('kube'), [
    'kubectl',
    `--kubeconfig=${kubeconfigPath}`,
    'proxy',
    '--address=127.0.0.1',
    '--port=0',
    `--accept-paths=^${pods}`,
  ]);
  const base = `${await addressOf(proxy)}${pods}`;
  const send = async (method: string, path: string, body?: object): Promise<Response> =>
    await fetch(`${base}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
  return {
    create: async (pod) => {
      const response = await send('POST', '', pod);
      if (!response.ok) throw new Error(`the API server refuses the pod: ${await messageOf(response)}`);
    },
    read: async (name) => {
      const response = await send('GET', `/${name}`);
      if (response.ok) return (await response.json()) as StoredPod;
      if (response.status === 404) return undefined;
      throw new Error(`pod ${name} cannot be read: ${await messageOf(response)}`);
    },
    remove: async (name, gracePeriodSeconds) => {
      const response = await send('DELETE', `/${name}`, {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      });
      if (!response.ok && response.status !== 404) {
        throw new Error(`pod ${name} cannot be deleted: ${await messageOf(response)}`);
      }
    },
    log: async (name) => {
      const response = await send('GET', `/${name}/log?tailLines=${LOG_LINES}`);
      return response.ok ? (await response.text()).trim() : '';
    },
    ask: async (name, port, path) => {
      try {
        const response = await fetch(`${base}/${name}:${port}/proxy${path}`, { signal: AbortSignal.timeout(ASK_MS) });
        const body = await response.text();
        return isOfApiServer(body) ? undefined : { status: response.status, body };
      } catch {
        return undefined;
      }
    },
    close: async () => void (await proxy.stop('SIGTERM')),
  };
}

async function addressOf(proxy: ChildHandle): Promise<string> {
  const line = await proxy.waitForLine(/Starting to serve on \S+/, { timeoutMs: 30_000 });
  return `http://${/Starting to serve on (\S+)/.exec(line)?.[1] ?? ''}`;
}

/** Where a pod does not answer, the API server says so itself, with a status that a pod might give as well. */
function isOfApiServer(body: string): boolean {
  return /^\s*\{\s*"kind":\s*"Status"/.test(body);
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
