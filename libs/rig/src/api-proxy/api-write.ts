import type { IncomingMessage } from 'node:http';
import type { ObjectMeta } from '@redis-queue/controller';

/** A request to the API server that changes something. */
export interface ApiWrite {
  /** When it was begun, in ms since 1970: by its header `x-begun-ms` or, without one, when its head arrived. */
  readonly atMs: number;
  readonly verb: 'apply' | 'create' | 'delete' | 'patch' | 'update';
  /** As roles name it: `deployments`, `workerpools/status`. */
  readonly resource: string;
  readonly group: string;
  readonly namespace: string;
  /** Of the object; of one that is created, as its body has it. */
  readonly name: string;
  readonly fieldManager: string | undefined;
  body: { readonly metadata?: Partial<ObjectMeta> } & Readonly<Record<string, unknown>>;
  /** The status code that was answered; undefined while there is none. */
  code: number | undefined;
}

const VERBS = { POST: 'create', PUT: 'update', DELETE: 'delete', PATCH: 'patch' } as const;
const PATH =
  /^\/(?:api\/v1|apis\/(?<group>[^/]+)\/[^/]+)\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>[^/]+))?)?$/;

/** @returns undefined for a request that reads. */
export function readWrite({ method = 'GET', url = '/', headers }: IncomingMessage): ApiWrite | undefined {
  const verb = (VERBS as Record<string, ApiWrite['verb'] | undefined>)[method];
  if (!verb) return undefined;
  const { pathname, searchParams } = new URL(url, 'http://api');
  const { group = '', namespace = '', plural = pathname, name, sub } = PATH.exec(pathname)?.groups ?? {};
  const write: ApiWrite = {
    atMs: Number(headers['x-begun-ms'] ?? Date.now()),
    verb: headers['content-type']?.startsWith('application/apply-patch') ? 'apply' : verb,
    resource: sub === undefined ? plural : `${plural}/${sub}`,
    group,
    namespace,
    get name() {
      return name ?? write.body.metadata?.name ?? '';
    },
    fieldManager: searchParams.get('fieldManager') ?? undefined,
    body: {},
    code: undefined,
  };
  return write;
}

/** What kind of write it is: `apply deployments as redis-queue-scale`. */
export function kindOfWrite({ verb, resource, fieldManager }: ApiWrite): string {
  return `${verb} ${resource}${fieldManager === undefined ? '' : ` as ${fieldManager}`}`;
}
