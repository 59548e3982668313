import { Counter, Histogram, type Registry } from 'prom-client';
import type { RequestObserver } from './transport.ts';

/** client-go's metrics of requests, in `registry`. */
export function requestMetrics(registry: Registry): RequestObserver {
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code, method and host.',
    labelNames: ['code', 'method', 'host'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time to the first byte of the answer, by verb and host.',
    labelNames: ['verb', 'host'],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
    registers: [registry],
  });
  return ({ verb, method, host, code, seconds }) => {
    total.inc({ code, method, host });
    duration.observe({ verb, host }, seconds);
  };
}
