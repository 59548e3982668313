import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
// Parts of the Kubernetes client, not its KubeConfig: that loads the generated API, 17 MiB of every controller.
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { load } from 'js-yaml';
import type { Access, AccessSource, TlsOptions } from './credentials.ts';

/** The cluster and user of one kubeconfig's current context. */
interface Selection {
  cluster: Cluster;
  user: User | undefined;
}

interface KubeConfigFile {
  clusters: Cluster[];
  users: User[];
  contexts: Context[];
  current: string | undefined;
}

/**
 * Access by the current context of the kubeconfigs together; of equal names the first one counts, as for kubectl.
 * @throws an Error that names the file and what is wrong, and quotes nothing of it that could be secret
 */
export function kubeConfigAccess(paths: string[]): AccessSource {
  const { cluster, user } = selectContext(paths);
  let plugin = new ExecAuth();
  return async ({ refused }) => {
    if (refused) plugin = new ExecAuth(); // It keeps a credential without an end for ever.
    const tls: TlsOptions = {
      ca: await dataOrFile(cluster.caData, cluster.caFile),
      cert: await dataOrFile(user?.certData, user?.certFile),
      key: await dataOrFile(user?.keyData, user?.keyFile),
      rejectUnauthorized: cluster.skipTLSVerify ? false : undefined,
      servername: cluster.tlsServerName,
    };
    const access: Access = { server: cluster.server, proxyUrl: cluster.proxyUrl, headers: {}, tls };
    return user ? authenticate(access, user, plugin) : access;
  };
}

async function authenticate(access: Access, user: User, plugin: ExecAuth): Promise<Access> {
  const headers: Record<string, string> = {};
  if (user.impersonateUser) headers['impersonate-user'] = user.impersonateUser;
  if (user.token) return { ...access, headers: { ...headers, authorization: `Bearer ${user.token}` } };
  if (user.username) {
    const pair = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    return { ...access, headers: { ...headers, authorization: `Basic ${pair}` } };
  }
  if (!user.exec) return { ...access, headers };
  const given: { headers?: Record<string, string>; cert?: string; key?: string } = {};
  // The output may hold the credential, so it is not passed on.
  const worked = await plugin.applyAuthentication(user, given as Parameters<ExecAuth['applyAuthentication']>[1]).then(
    () => true,
    () => false,
  );
  if (!worked) {
    const { command, installHint = '' } = user.exec as { command?: string; installHint?: string };
    throw new Error(`Credential plugin ${command ?? ''} failed; run it by hand to see why. ${installHint}`.trim());
  }
  const authorization = given.headers?.Authorization;
  const { cert = access.tls.cert, key = access.tls.key } = given;
  return {
    ...access,
    headers: authorization ? { ...headers, authorization } : headers,
    tls: { ...access.tls, cert, key },
  };
}

function selectContext(paths: string[]): Selection {
  const files = paths.map(readKubeConfig);
  const where = `kubeconfig ${paths.join(', ')}`;
  const current = files.find((file) => file.current)?.current ?? '';
  const context = files.flatMap(({ contexts }) => contexts).find(({ name }) => name === current);
  if (!context) throw new Error(`${where}: current-context ${JSON.stringify(current)} is not among the contexts.`);
  const cluster = files.flatMap(({ clusters }) => clusters).find(({ name }) => name === context.cluster);
  if (!cluster) throw new Error(`${where}: cluster ${JSON.stringify(context.cluster)} is missing.`);
  if (cluster.proxyUrl?.startsWith('socks')) {
    throw new Error(`${where}: proxy-url of cluster ${JSON.stringify(cluster.name)} must be http or https.`);
  }
  const user = files.flatMap(({ users }) => users).find(({ name }) => name === context.user);
  if (user?.authProvider) {
    throw new Error(
      `${where}: auth-provider of user ${JSON.stringify(user.name)} ended with Kubernetes 1.26; use exec.`,
    );
  }
  return { cluster, user };
}

function readKubeConfig(path: string): KubeConfigFile {
  const parsed = parseYaml(readFileSync(path, 'utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`kubeconfig ${path} is not a YAML object.`);
  const file = parsed as Record<string, unknown>;
  // Relative paths are meant from where the kubeconfig lies.
  const absolute = (name?: string): string | undefined => (name ? resolve(dirname(path), name) : undefined);
  return {
    clusters: newClusters(file.clusters).map((each) => ({ ...each, caFile: absolute(each.caFile) })),
    users: newUsers(file.users).map((each) => ({
      ...each,
      certFile: absolute(each.certFile),
      keyFile: absolute(each.keyFile),
    })),
    contexts: newContexts(file.contexts),
    current: file['current-context'] as string | undefined,
  };
}

/** @returns undefined when it is no YAML; the parser's message is dropped, as it quotes the text around the fault */
function parseYaml(text: string): unknown {
  try {
    return load(text);
  } catch {
    return undefined;
  }
}

async function dataOrFile(data: string | undefined, file: string | undefined): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  return file ? readFile(file) : undefined;
}
