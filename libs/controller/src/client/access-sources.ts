import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { AccessSource, TlsOptions } from './credentials.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * `kubeconfigPath`, else KUBECONFIG, else the pod's ServiceAccount, else `~/.kube/config`.
 * @throws when a file that is named does not exist
 */
export function findAccess(kubeconfigPath: string | undefined, env: NodeJS.ProcessEnv): AccessSource {
  if (kubeconfigPath !== undefined) {
    if (!isFile(kubeconfigPath)) throw new Error(`kubeconfig ${kubeconfigPath} does not exist; correct --kubeconfig.`);
    return kubeConfigAccess((config) => config.loadFromFile(kubeconfigPath));
  }
  const missing = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '' && !isFile(path));
  if (missing.length > 0)
    throw new Error(`KUBECONFIG names ${missing.join(', ')}, which does not exist; correct or unset it.`);
  if (!env.KUBECONFIG && env.KUBERNETES_SERVICE_HOST && isFile(join(SERVICE_ACCOUNT, 'token'))) return podAccess(env);
  return kubeConfigAccess((config) => config.loadFromDefault());
}

/** As the pod we run in; its token and CA are files that the kubelet renews. */
export function podAccess(env: NodeJS.ProcessEnv, folder = SERVICE_ACCOUNT): AccessSource {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  return async () => {
    const [token, ca] = await Promise.all([readFile(join(folder, 'token'), 'utf8'), readFile(join(folder, 'ca.crt'))]);
    return { server, headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
  };
}

/** By what a kubeconfig says: tokens, client certificates, credential plugins, as the Kubernetes client reads it. */
export function kubeConfigAccess(load: (config: KubeConfig) => void): AccessSource {
  let loading: Promise<AccessSource> | undefined;
  return async () => {
    loading ??= loadKubeConfig(load);
    return (await loading)();
  };
}

async function loadKubeConfig(load: (config: KubeConfig) => void): Promise<AccessSource> {
  // Only here and only when needed: with the file come the generated client and OpenID, 17 MiB that no pod needs.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  if (!isLoaded(config, load)) throw new Error('kubeconfig: the file is not valid YAML of kind Config.');
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    const context = JSON.stringify(config.getCurrentContext() ?? '');
    throw new Error(`kubeconfig: context ${context} names no cluster with a server; set current-context.`);
  }
  const { proxyUrl } = cluster;
  if (proxyUrl?.startsWith('socks')) {
    throw new Error(`kubeconfig: proxy-url ${proxyUrl} is not supported; use an http or https proxy.`);
  }
  const server = cluster.server.replace(/\/$/, '');
  return async () => ({ server, proxyUrl, ...(await authenticate(config)) });
}

/** The parser's message is left out: it quotes the text around a fault, which may be a key. */
function isLoaded(config: KubeConfig, load: (config: KubeConfig) => void): boolean {
  try {
    load(config);
    return true;
  } catch (error) {
    // A file that cannot be read says nothing of its content.
    if (error instanceof Error && 'code' in error) throw error;
    return false;
  }
}

async function authenticate(config: KubeConfig): Promise<{ headers: Record<string, string>; tls: TlsOptions }> {
  const headers: Record<string, string> = {};
  let captured: AgentOptions = {};
  // The stock method makes a new Agent for every request; we only want to know with what.
  Object.defineProperty(config, 'createDispatcher', {
    configurable: true,
    value: (_cluster: unknown, options: AgentOptions): void => {
      captured = options;
    },
  });
  const request = {
    setHeaderParam: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    setDispatcher: () => undefined,
  };
  await config.applySecurityAuthentication(
    request as unknown as Parameters<KubeConfig['applySecurityAuthentication']>[0],
  );
  const { ca, cert, key, rejectUnauthorized, servername } = captured as TlsOptions;
  return { headers, tls: { ca, cert, key, rejectUnauthorized, servername } };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
