const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const REQUEST =
  /^(?<method>[A-Z]+) \/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/(?:namespaces\/[^/]+\/)?(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<subresource>[^/]+))?)?$/;

/**
 * A request as roles and people name it: `patch queues/status emails` for
 * `PATCH /apis/redis-queue.io/v1/namespaces/shop/queues/emails/status`. Any other text stays as it is.
 */
export function requestInWords(request: string): string {
  const { method = '', plural, name, subresource } = REQUEST.exec(request)?.groups ?? {};
  if (plural === undefined) return request;
  const verb = method === 'GET' && name === undefined ? 'list' : (VERBS[method] ?? method.toLowerCase());
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return name === undefined ? `${verb} ${resource}` : `${verb} ${resource} ${name}`;
}
