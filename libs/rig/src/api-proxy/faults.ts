import type { ApiAnswer } from './api-proxy.ts';
import type { ApiWrite } from './api-write.ts';

/** The ways in which an API server does not do what it is asked, with the answers that kube-apiserver gives. */
export const FAULTS = {
  'no right': (write) =>
    forbidden(write, `User "system:serviceaccount:redis-queue:controller" cannot ${rightOf(write)}`),
  'a quota': (write) => {
    const count = `count/${qualified(write)}`;
    return forbidden(write, `exceeded quota: few, requested: ${count}=1, used: ${count}=3, limited: ${count}=3`);
  },
  'too large': () => status(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'),
  invalid: (write) => {
    const field = 'metadata.annotations';
    const causes = [{ reason: 'FieldValueInvalid', field, message: 'Invalid value: "x": must not be x' }];
    const message = `${qualified(write)} "${write.name}" is invalid: ${field}: Invalid value: "x": must not be x`;
    return status(422, 'Invalid', message, { name: write.name, causes });
  },
  // Before it reads a request, the API server answers in plain text; it asks for a second, and when that does not help, for more.
  'too many requests': () => tooMany(1),
  'far too many requests': () => tooMany(32),
  'a failure of its own': () =>
    status(500, 'InternalError', 'Internal error occurred: resource quota evaluation timed out'),
  'no answer': () => new Promise<never>(() => undefined),
} as const satisfies Record<string, (write: ApiWrite) => ApiAnswer | Promise<never>>;

export type Fault = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as Fault[];

function tooMany(seconds: number): ApiAnswer {
  return {
    code: 429,
    headers: { 'retry-after': String(seconds) },
    body: 'Too many requests, please try again later.\n',
  };
}

function forbidden(write: ApiWrite, why: string): ApiAnswer {
  const { name } = write;
  return status(403, 'Forbidden', `${qualified(write)} "${name}" is forbidden: ${why}`, { name });
}

function status(code: number, reason: string, message: string, details: object = {}): ApiAnswer {
  return {
    code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code },
  };
}

const plural = ({ resource }: ApiWrite): string => resource.split('/')[0]!;
const qualified = (write: ApiWrite): string => `${plural(write)}${write.group === '' ? '' : `.${write.group}`}`;

function rightOf({ verb, resource, group, namespace }: ApiWrite): string {
  return `${verb === 'apply' ? 'patch' : verb} resource "${resource}" in API group "${group}" in the namespace "${namespace}"`;
}
