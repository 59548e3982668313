import type { KubeClient } from '../client/kube-client.ts';
import { DEPLOYMENTS, keyToString, type ObjectKey } from '../objects/resources.ts';

/** With pauses of 1, 2, 4 and 8 s between them: for a right that has only just been granted. */
const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 1_000;

export interface InstalledOptions {
  readonly client: Pick<KubeClient, 'get'>;
  readonly signal: AbortSignal;
  /** Resolves early when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Whether a controller is installed: its Deployment is there, and is not being deleted.
 *
 * @throws Error that names the Deployment when it could not be read
 */
export async function isStillInstalled(
  deployment: ObjectKey,
  { client, signal, pause }: InstalledOptions,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await client.get(DEPLOYMENTS, deployment, { signal });
      return found !== undefined && found.metadata.deletionTimestamp === undefined;
    } catch (error) {
      if (attempt === MAX_TRIES || signal.aborted)
        throw new Error(
          `Deployment ${keyToString(deployment)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
    }
  }
}
