import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startProcess, temporaryFolder, type ChildHandle } from '@redis-queue/rig';
import type { Stage } from '../processes/stage.ts';

interface Template {
  readonly spec: {
    readonly containers: readonly {
      readonly env?: readonly Variable[];
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly secret?: { readonly secretName: string; readonly items?: readonly { key: string; path: string }[] };
    }[];
  };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

/**
 * Runs a program as the first pod of a Deployment would: with its variables, and the files of its Secrets, which lie in
 * a folder of this machine instead.
 */
export async function startPodOf(stage: Stage, namespace: string, name: string, program: string): Promise<ChildHandle> {
  const deployment = await stage.read(namespace, `deployment/${name}`);
  const { spec } = deployment.spec['template'] as Template;
  const [container] = spec.containers;
  const read = async (secret: string): Promise<Record<string, string>> => {
    const { data = {} } = JSON.parse(await stage.kubectl(namespace, 'get', 'secret', secret, '--output=json')) as {
      data?: Record<string, string>;
    };
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  };
  const root = temporaryFolder('pod');
  const mounts = container?.volumeMounts ?? [];
  for (const { name: volume, secret } of spec.volumes ?? []) {
    const mount = mounts.find((each) => each.name === volume);
    if (!secret || !mount) continue;
    // oxlint-disable-next-line no-await-in-loop -- two at most
    const texts = await read(secret.secretName);
    const folder = join(root, mount.mountPath);
    mkdirSync(folder, { recursive: true });
    const items = secret.items ?? Object.keys(texts).map((key) => ({ key, path: key }));
    for (const { key, path } of items) writeFileSync(join(folder, path), texts[key] ?? '');
  }
  const isMounted = (text: string): boolean => mounts.some(({ mountPath }) => text.startsWith(`${mountPath}/`));
  const env: Record<string, string> = {};
  for (const { name: variable, value, valueFrom } of container?.env ?? []) {
    const reference = valueFrom?.secretKeyRef;
    // oxlint-disable-next-line no-await-in-loop
    const text = reference ? (await read(reference.name))[reference.key] : (value ?? `${name}-0`);
    if (text !== undefined) env[variable] = isMounted(text) ? join(root, text) : text;
  }
  return startProcess(process.execPath, [program], { env: { ...env, RQ_HTTP_PORT: String(await freePort()) } });
}
