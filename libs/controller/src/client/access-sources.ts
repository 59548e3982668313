import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { AccessSource } from './credentials.ts';
import { kubeConfigAccess } from './kubeconfig.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * `kubeconfigPath`, else KUBECONFIG, else the pod's ServiceAccount, else `~/.kube/config`.
 * @throws an Error that says which file is missing or what is wrong in it
 */
export function findAccess(kubeconfigPath: string | undefined, env: NodeJS.ProcessEnv): AccessSource {
  if (kubeconfigPath !== undefined) {
    if (!isFile(kubeconfigPath)) throw new Error(`kubeconfig ${kubeconfigPath} does not exist; correct --kubeconfig.`);
    return kubeConfigAccess([kubeconfigPath]);
  }
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (named.length > 0) {
    const existing = named.filter(isFile);
    if (existing.length === 0) throw new Error(`KUBECONFIG names ${named.join(', ')}; no such file exists.`);
    return kubeConfigAccess(existing);
  }
  if (env.KUBERNETES_SERVICE_HOST && isFile(join(SERVICE_ACCOUNT, 'token'))) return podAccess(env);
  const own = join(homedir(), '.kube', 'config');
  if (isFile(own)) return kubeConfigAccess([own]);
  throw new Error(`No cluster: not in a pod, KUBECONFIG is not set, ${own} does not exist; pass --kubeconfig FILE.`);
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

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
