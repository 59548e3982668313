import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** controller-runtime's metrics of webhooks (pkg/webhook/internal/metrics), so that dashboards made for it fit. */
export class WebhookMetrics {
  readonly #latency: Histogram<'webhook'>;
  readonly #total: Counter<'webhook' | 'code'>;
  readonly #inFlight: Gauge<'webhook'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#latency = new Histogram({
      name: 'controller_runtime_webhook_latency_seconds',
      help: 'Time to answer an admission request, by path.',
      labelNames: ['webhook'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#total = new Counter({
      name: 'controller_runtime_webhook_requests_total',
      help: 'Admission requests answered, by path and HTTP status.',
      labelNames: ['webhook', 'code'],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'controller_runtime_webhook_requests_in_flight',
      help: 'Admission requests that are being answered, by path.',
      labelNames: ['webhook'],
      registers,
    });
  }

  /** @returns to be called with the HTTP status when it is answered. */
  begin(webhook: string): (code: number) => void {
    this.#inFlight.inc({ webhook });
    const end = this.#latency.startTimer({ webhook });
    return (code) => {
      end();
      this.#inFlight.dec({ webhook });
      this.#total.inc({ webhook, code: String(code) });
    };
  }
}
