import type { Span, Telemetry } from 'bullmq';

interface RecordedSpan {
  name: string;
  kind: unknown;
  events: string[];
  attributes: string[];
}

/** A telemetry that keeps what BullMQ traces: names, kinds, events and which attributes, not their values. */
export function recordingTelemetry(): { telemetry: Telemetry; spans: () => RecordedSpan[] } {
  const recorded: RecordedSpan[] = [];
  const spanOf = (name: string, kind: unknown): Span => {
    const span: RecordedSpan = { name, kind, events: [], attributes: [] };
    recorded.push(span);
    const made: Span = {
      setSpanOnContext: (context) => context as unknown,
      setAttribute: (key) => void span.attributes.push(key),
      setAttributes: (attributes) => void span.attributes.push(...Object.keys(attributes)),
      addEvent: (event) => void span.events.push(event),
      recordException: () => void span.events.push('exception'),
      end: () => undefined,
    };
    return made;
  };
  const telemetry: Telemetry = {
    tracer: { startSpan: (name, options) => spanOf(name, options?.kind) },
    contextManager: {
      with: (_context, run) => run(),
      active: () => ({}),
      getMetadata: () => '',
      fromMetadata: () => ({}),
    },
  };
  return { telemetry, spans: () => recorded };
}
