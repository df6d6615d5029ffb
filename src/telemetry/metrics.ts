import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const register = new Registry();
const registers = [register];

/** Labels are few and bounded: route templates, statuses and codes, never ids. */
export const metrics = {
  httpRequestSeconds: new Histogram({
    name: 'cloud_node_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers,
  }),
  updates: new Counter({
    name: 'cloud_node_updates_total',
    help: 'Updates by result: accepted, duplicate, or the code of the error.',
    labelNames: ['result'],
    registers,
  }),
  updateBytes: new Counter({
    name: 'cloud_node_update_bytes_total',
    help: 'Payload bytes of accepted updates.',
    registers,
  }),
  uploads: new Gauge({
    name: 'cloud_node_uploads_in_flight',
    help: 'Updates, models and test sets that are being received.',
    registers,
  }),
  connectedLibraries: new Gauge({
    name: 'cloud_node_connected_libraries',
    help: 'Libraries that are joined over a socket of this process.',
    registers,
  }),
  redisUsedMemoryBytes: new Gauge({
    name: 'cloud_node_redis_used_memory_bytes',
    help: 'Memory that Redis uses, as last seen.',
    registers,
  }),
} as const;

export const METRICS_CONTENT_TYPE = register.contentType;

let collectsDefaults = false;

/** All metrics of the process in the text format of Prometheus. */
export async function metricsText(): Promise<string> {
  if (!collectsDefaults) {
    collectsDefaults = true;
    collectDefaultMetrics({ register, prefix: 'cloud_node_' });
  }
  return register.metrics();
}
