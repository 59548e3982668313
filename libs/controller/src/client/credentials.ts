import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { AgentOptions } from 'node:https';
// Deep import: the package's index loads the generated client, 75 modules that we do not use.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';

export interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  rejectUnauthorized?: boolean;
  servername?: string;
}

/** Who we are to one API server. */
export interface Credentials {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  /** Headers and TLS of now; the same `tls` object as long as nothing in it was rotated. */
  current(): Promise<{ headers: Record<string, string>; tls: TlsOptions }>;
  /** The server did not accept them: ask anew next time. */
  forget(): void;
}

/** A mounted token is replaced long before it ends; the kubelet and client-go also look once a minute. */
const REFRESH_MS = 30_000;
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * From `kubeconfigPath`, else KUBECONFIG, else the pod's ServiceAccount, else `~/.kube/config`.
 * @throws when none of them names a cluster
 */
export function loadCredentials(kubeconfigPath?: string): Credentials {
  const config = new KubeConfig();
  if (kubeconfigPath !== undefined) config.loadFromFile(kubeconfigPath);
  else if (!process.env.KUBECONFIG && isFile(SERVICE_ACCOUNT_TOKEN)) config.loadFromCluster();
  else config.loadFromDefault();
  return new KubeConfigCredentials(config);
}

class KubeConfigCredentials implements Credentials {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  readonly #config: KubeConfig;
  #fresh: { headers: Record<string, string>; tls: TlsOptions; until: number } | undefined;
  #refreshing: Promise<{ headers: Record<string, string>; tls: TlsOptions }> | undefined;
  #tls: { options: TlsOptions; digest: string } | undefined;
  #captured: AgentOptions = {};

  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (!cluster) {
      throw new Error(
        `kubeconfig: context ${JSON.stringify(config.getCurrentContext())} names no cluster; set current-context, or pass --kubeconfig.`,
      );
    }
    this.server = cluster.server.replace(/\/$/, '');
    this.proxyUrl = cluster.proxyUrl;
    if (this.proxyUrl?.startsWith('socks')) {
      throw new Error(`kubeconfig: proxy-url ${this.proxyUrl} is not supported; use an http or https proxy.`);
    }
    this.#config = config;
    // The stock method makes a new Agent for every request; we only want to know with what.
    Object.defineProperty(config, 'createDispatcher', {
      value: (_cluster: unknown, options: AgentOptions): void => {
        this.#captured = options;
      },
    });
  }

  async current(): Promise<{ headers: Record<string, string>; tls: TlsOptions }> {
    if (this.#fresh && performance.now() < this.#fresh.until) return this.#fresh;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  forget(): void {
    this.#fresh = undefined;
  }

  async #refresh(): Promise<{ headers: Record<string, string>; tls: TlsOptions }> {
    const headers: Record<string, string> = {};
    const context = {
      setHeaderParam: (name: string, value: string) => {
        headers[name.toLowerCase()] = value;
      },
      setDispatcher: () => undefined,
    };
    await this.#config.applySecurityAuthentication(
      context as unknown as Parameters<KubeConfig['applySecurityAuthentication']>[0],
    );
    const { ca, cert, key, rejectUnauthorized, servername } = this.#captured as TlsOptions;
    const options = withoutUndefined({ ca, cert, key, rejectUnauthorized, servername });
    const digest = createHash('sha256')
      .update([ca, cert, key].map((part) => part?.toString() ?? '').join('\n'))
      .digest('hex');
    if (this.#tls?.digest !== digest) this.#tls = { options, digest };
    this.#fresh = { headers, tls: this.#tls.options, until: performance.now() + REFRESH_MS };
    return this.#fresh;
  }
}

function withoutUndefined(options: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
