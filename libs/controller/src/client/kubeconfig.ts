import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { load } from 'js-yaml';

/** A program that gives out credentials, as cloud providers have. */
export interface ExecPlugin {
  apiVersion: string;
  command: string;
  args?: string[];
  env?: { name: string; value: string }[];
  installHint?: string;
}

/** How to reach one API server as somebody. Paths are absolute; data is decoded. */
export interface ClusterAccess {
  server: string;
  proxyUrl?: string;
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  ca?: FileOrData;
  clientCertificate?: FileOrData;
  clientKey?: FileOrData;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  impersonate?: string;
  exec?: ExecPlugin;
}

export type FileOrData = { file: string } | { data: Buffer };

type Fields = Record<string, unknown>;
interface Named {
  name?: string;
  cluster?: Fields;
  user?: Fields;
  context?: Fields;
}
interface KubeConfigFile {
  'current-context'?: string;
  clusters?: Named[] | null;
  users?: Named[] | null;
  contexts?: Named[] | null;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * How to reach the API server: by `kubeconfigPath`, else KUBECONFIG, else as the pod's ServiceAccount, else by `~/.kube/config`.
 * @throws an Error that names the file and what is missing in it
 */
export function findClusterAccess(kubeconfigPath: string | undefined, env: NodeJS.ProcessEnv): ClusterAccess {
  if (kubeconfigPath !== undefined) return readKubeConfig([kubeconfigPath]);
  const paths = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  if (paths.length > 0) {
    const existing = paths.filter(isFile);
    if (existing.length === 0) throw new Error(`KUBECONFIG names ${paths.join(', ')}, of which no file exists.`);
    return readKubeConfig(existing);
  }
  if (env.KUBERNETES_SERVICE_HOST && isFile(`${SERVICE_ACCOUNT}/token`)) return inClusterAccess(env);
  const own = join(homedir(), '.kube', 'config');
  if (isFile(own)) return readKubeConfig([own]);
  throw new Error(`No cluster: not in a pod, KUBECONFIG is not set and ${own} does not exist; pass --kubeconfig FILE.`);
}

/** As the pod we run in; its token and CA are files that the kubelet renews. */
export function inClusterAccess(env: NodeJS.ProcessEnv, folder = SERVICE_ACCOUNT): ClusterAccess {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  return { server, ca: { file: join(folder, 'ca.crt') }, tokenFile: join(folder, 'token') };
}

/** The current context of the files together; of equal names the first one counts, as for kubectl. */
export function readKubeConfig(paths: string[]): ClusterAccess {
  const merged = { clusters: [] as Named[], users: [] as Named[], contexts: [] as Named[] };
  let current: string | undefined;
  for (const path of paths) {
    const file = parse(path);
    current ||= file['current-context'];
    for (const section of ['clusters', 'users', 'contexts'] as const) {
      merged[section].push(...(file[section] ?? []).map((entry) => absolute(entry, dirname(path))));
    }
  }
  const where = `kubeconfig ${paths.join(', ')}`;
  const context = merged.contexts.find(({ name }) => name === current)?.context;
  if (!context)
    throw new Error(`${where}: current-context ${JSON.stringify(current ?? '')} is not among the contexts.`);
  const cluster = merged.clusters.find(({ name }) => name === context.cluster)?.cluster;
  if (!cluster?.server)
    throw new Error(`${where}: cluster ${JSON.stringify(context.cluster)} is missing or has no server.`);
  const user = merged.users.find(({ name }) => name === context.user)?.user ?? {};
  if (user['auth-provider']) {
    throw new Error(
      `${where}: auth-provider of user ${JSON.stringify(context.user)} ended with Kubernetes 1.26; use exec.`,
    );
  }
  return toAccess(cluster, user);
}

const nonEmpty = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function toAccess(cluster: Fields, user: Fields): ClusterAccess {
  return {
    server: String(cluster.server).replace(/\/$/, ''),
    proxyUrl: nonEmpty(cluster['proxy-url']),
    tlsServerName: nonEmpty(cluster['tls-server-name']),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true || undefined,
    ca: fileOrData(cluster, 'certificate-authority'),
    clientCertificate: fileOrData(user, 'client-certificate'),
    clientKey: fileOrData(user, 'client-key'),
    token: nonEmpty(user.token),
    tokenFile: nonEmpty(user.tokenFile),
    username: nonEmpty(user.username),
    password: nonEmpty(user.password),
    impersonate: nonEmpty(user.as),
    exec: user.exec as ExecPlugin | undefined,
  };
}

/** Inline data counts before a file, as for kubectl. */
function fileOrData(fields: Fields, name: string): FileOrData | undefined {
  const data = fields[`${name}-data`];
  if (typeof data === 'string' && data !== '') return { data: Buffer.from(data, 'base64') };
  const file = fields[name];
  return typeof file === 'string' && file !== '' ? { file } : undefined;
}

const PATHS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/** Relative paths are meant from where the kubeconfig lies. */
function absolute(entry: Named, folder: string): Named {
  const resolve = (fields: Fields | undefined): Fields | undefined =>
    fields &&
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => {
        const isPath = PATHS.includes(name) && typeof value === 'string' && value !== '' && !isAbsolute(value);
        return [name, isPath ? join(folder, value) : value];
      }),
    );
  return { ...entry, cluster: resolve(entry.cluster), user: resolve(entry.user) };
}

function parse(path: string): KubeConfigFile {
  const text = readFileSync(path, 'utf8');
  let parsed: unknown;
  try {
    parsed = load(text);
  } catch {
    // The parser's message quotes the text around the fault, which may be a key.
  }
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`kubeconfig ${path} is not a YAML object.`);
  return parsed;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
