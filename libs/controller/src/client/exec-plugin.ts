import { execFile } from 'node:child_process';
import type { ExecPlugin } from './kubeconfig.ts';

export interface ExecCredential {
  token?: string;
  clientCertificate?: string;
  clientKey?: string;
  /** Wall time in ms; undefined: until it is refused. */
  expiresAt?: number;
}

/**
 * Runs a credential plugin of client.authentication.k8s.io.
 * @throws an Error that names the plugin; its output is left out, as it may hold the credential
 */
export async function runExecPlugin(plugin: ExecPlugin): Promise<ExecCredential> {
  const info = { apiVersion: plugin.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const extra = Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value]));
  const env = { ...process.env, ...extra, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const { stdout, code } = await run(plugin, env);
  const status = statusOf(stdout);
  if (!status) {
    const hint = plugin.installHint ? ` ${plugin.installHint}` : '';
    throw new Error(`Credential plugin ${plugin.command} failed (${code}); run it by hand to see why.${hint}`);
  }
  return {
    token: status.token,
    clientCertificate: status.clientCertificateData,
    clientKey: status.clientKeyData,
    expiresAt: status.expirationTimestamp === undefined ? undefined : Date.parse(status.expirationTimestamp),
  };
}

function run(plugin: ExecPlugin, env: NodeJS.ProcessEnv): Promise<{ stdout: string; code: string | number }> {
  return new Promise((resolve) => {
    execFile(plugin.command, plugin.args ?? [], { env, timeout: 30_000 }, (error, stdout) => {
      resolve({ stdout: error ? '' : stdout, code: error?.code ?? 'no valid ExecCredential' });
    });
  });
}

function statusOf(stdout: string): Record<string, string | undefined> | undefined {
  try {
    return (JSON.parse(stdout) as { status?: Record<string, string | undefined> }).status;
  } catch {
    return undefined;
  }
}
