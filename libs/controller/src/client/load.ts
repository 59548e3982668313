import { findAccess } from './access-sources.ts';
import { Credentials } from './credentials.ts';
import { KubeClient } from './kube-client.ts';
import { Transport, type TransportOptions } from './transport.ts';
import { WriteJournal } from './write-journal.ts';

export interface LoadOptions extends Partial<Omit<TransportOptions, 'credentials'>> {
  kubeconfigPath?: string;
}

/**
 * A client for `kubeconfigPath`, else KUBECONFIG, else the pod's own ServiceAccount, else `~/.kube/config`. It connects on first use.
 * @throws when a kubeconfig that is named does not exist; what is wrong in one shows on first use, see `KubeClient.prepare`
 */
export function loadKubeClient(options: LoadOptions = {}): KubeClient {
  const { kubeconfigPath, userAgent = 'redis-queue', ...rest } = options;
  const credentials = new Credentials(findAccess(kubeconfigPath, process.env));
  const transport = new Transport({ ...rest, userAgent, credentials });
  return new KubeClient(transport, new WriteJournal());
}
