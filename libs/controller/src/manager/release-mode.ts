import { loadKubeClient } from '../client/load.ts';
import { releaseFinalizers, type HeldKind } from '../finalizers/release-finalizers.ts';
import { keyFromString, type ObjectKey } from '../objects/resources.ts';
import { oneOf, type AppFlag, type AppFlags, type readCommonFlags } from './flags.ts';
import type { Log } from './types.ts';

const FLAG = 'release-finalizers';
const UNLESS_FLAG = 'unless-deployment';

/** Of all of it: below the time that the hook of the charts has, so that this process says what is left and not the Job. */
const DEADLINE_MS = 200_000;
/** Of one request: an API server that hangs leaves time for further tries. */
const REQUEST_TIMEOUT_MS = 15_000;

/** The flags of this mode, for apps that hold objects. */
export function releaseFlags({ holds = [] }: { holds?: readonly HeldKind[] }): AppFlags {
  if (holds.length === 0) return {};
  const kinds = holds.map(({ type }) => type.kind).join(', ');
  return {
    [FLAG]: {
      default: 'false',
      help: `Whether to take the finalizers off every ${kinds} and end, for when no controller runs any more.`,
      placeholder: 'true|false',
      parse: (text) => oneOf(text, ['true', 'false']) === 'true',
    } satisfies AppFlag<boolean>,
    [UNLESS_FLAG]: {
      default: '',
      help: `With --${FLAG}: the Deployment of the controller, while which is there nothing is done; empty to look for none.`,
      placeholder: 'NAMESPACE/NAME',
      parse: parseDeployment,
    } satisfies AppFlag<ObjectKey | undefined>,
  };
}

function parseDeployment(text: string): ObjectKey | undefined {
  if (text === '') return undefined;
  const key = keyFromString(text);
  if (!key.namespace || !key.name)
    throw new Error('must be the namespace and the name of a Deployment, with a slash between');
  return key;
}

/** Whether the process is to let go what the app holds, in place of all else. */
export function isRelease(values: Readonly<Record<string, unknown>>): boolean {
  return values[FLAG] === true;
}

/** Lets go what the app holds. @returns whether nothing is held any more; see `releaseFinalizers` */
export async function runRelease(
  { name, holds = [] }: { readonly name: string; readonly holds?: readonly HeldKind[] },
  values: Readonly<Record<string, unknown>>,
  { kubeconfigPath, namespaces }: Pick<ReturnType<typeof readCommonFlags>, 'kubeconfigPath' | 'namespaces'>,
  log: Log,
): Promise<boolean> {
  const abort = new AbortController();
  const stop = (why: string): void => abort.abort(new Error(why));
  const timer = setTimeout(() => stop(`not done after ${DEADLINE_MS / 1_000} s`), DEADLINE_MS);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(`ended by ${signal}`));
  const client = loadKubeClient({ kubeconfigPath, userAgent: name, requestTimeoutMs: REQUEST_TIMEOUT_MS });
  try {
    const unlessDeployment = values[UNLESS_FLAG] as ObjectKey | undefined;
    return await releaseFinalizers(holds, { client, log, namespaces, unlessDeployment, signal: abort.signal });
  } finally {
    clearTimeout(timer);
    await client.close();
  }
}
