import type { ControlPlane } from '@redis-queue/rig';
import { samplesOf, sumBy } from './prometheus.ts';

const READS = new Set(['GET', 'LIST', 'WATCH', 'CONNECT']);
const OURS = /^(queues|workerpools|deployments|poddisruptionbudgets|pods|configmaps|secrets|events|leases)$/;

/** Writes so far of what the controllers touch, as the API server counts them: by verb and resource. */
export async function countWrites(controlPlane: ControlPlane): Promise<Map<string, number>> {
  const page = await controlPlane.kubectl('get', '--raw', '/metrics');
  return sumBy(samplesOf(page, 'apiserver_request_total'), ({ verb = '', resource = '', subresource = '' }) =>
    READS.has(verb) || !OURS.test(resource) ? undefined : `${verb} ${resource}${subresource && `/${subresource}`}`,
  );
}

export function isLeaseWrite(request: string): boolean {
  return request.endsWith(' leases');
}
