import { findAccess } from './access-sources.ts';
import { Credentials } from './credentials.ts';
import { KubeClient } from './kube-client.ts';
import { Transport, type TransportOptions } from './transport.ts';
import { WriteJournal } from './write-journal.ts';

export interface LoadOptions extends Partial<Omit<TransportOptions, 'credentials'>> {
  kubeconfigPath?: string;
}

/**
 * A client for `kubeconfigPath`, else KUBECONFIG, else the pod's own ServiceAccount, else `~/.kube/config`. It connects
 * on first use.
 * @throws an Error that says which kubeconfig is missing or what is wrong in it
 */
export function loadKubeClient(options: LoadOptions = {}): KubeClient {
  const { kubeconfigPath, userAgent = 'redis-queue', ...rest } = options;
  const credentials = new Credentials(findAccess(kubeconfigPath, process.env));
  const transport = new Transport({ ...rest, userAgent, credentials });
  return new KubeClient(transport, new WriteJournal());
}
