import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const register = new Registry();
const registers = [register];

type Labels = readonly string[];
const counter = (name: string, help: string, labelNames: Labels = []): Counter =>
  new Counter({ name: `cloud_node_${name}`, help, labelNames, registers });
const gauge = (name: string, help: string, labelNames: Labels = []): Gauge =>
  new Gauge({ name: `cloud_node_${name}`, help, labelNames, registers });
const histogram = (name: string, help: string, buckets: number[], labelNames: Labels = []): Histogram =>
  new Histogram({ name: `cloud_node_${name}`, help, labelNames, buckets, registers });

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const REQUESTS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const JOBS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120];
const ROUNDS = [0.25, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600, 14_400];

/**
 * Labels are few and bounded: route templates, states, statuses and codes, never ids. docs/metrics.md lists the same (a
 * test compares). What a thread of a worker does counts in the process that the thread belongs to.
 */
export const metrics = {
  // ---- gateways
  httpRequestSeconds: histogram(
    'http_request_duration_seconds',
    'Time from the request to the end of its answer.',
    REQUESTS,
    ['method', 'route', 'status'],
  ),
  updates: counter('updates_total', 'Updates by result: accepted, duplicate, or the code of the error.', [
    'result',
  ]),
  updateBytes: counter('update_bytes_total', 'Payload bytes of accepted updates.'),
  uploadBytes: counter('upload_bytes_total', 'Payload bytes of accepted models and test sets.', ['kind']),
  downloadBytes: counter('download_bytes_total', 'Bytes of weights that were sent.', ['encoding']),
  uploads: gauge('uploads_in_flight', 'Updates, models and test sets that are being received.'),
  connections: gauge('connections', 'Sockets that are open, whoever is at the other end.'),
  connectedLibraries: gauge(
    'connected_libraries',
    'Libraries that are joined over a socket of this process.',
  ),
  settledAssignments: counter(
    'assignments_settled_total',
    'Assignments by what their Library said: accepted, declined or failed.',
    ['state'],
  ),
  redisUsedMemoryBytes: gauge('redis_used_memory_bytes', 'Memory that Redis uses, as last seen.'),
  redisMaxMemoryBytes: gauge('redis_max_memory_bytes', 'Memory that Redis may use; 0: no limit.'),

  // ---- sessions and rounds, counted by whoever wrote the change
  sessions: counter('sessions_total', 'Sessions by how they ended.', ['state']),
  sessionQueueSeconds: histogram(
    'session_queue_duration_seconds',
    'Time from the submission of a job until Libraries are looked for.',
    ROUNDS,
  ),
  rounds: counter('rounds_total', 'Attempts at a round by outcome: published or abandoned.', ['outcome']),
  roundSeconds: histogram(
    'round_duration_seconds',
    'Time of a published round from its opening to its version.',
    ROUNDS,
  ),
  roundPhaseSeconds: histogram(
    'round_phase_duration_seconds',
    'The same by phase: collecting updates, closing (the last folding and the next version).',
    ROUNDS,
    ['phase'],
  ),
  roundSelected: counter('round_selected_total', 'Libraries that were selected for published rounds.'),
  roundUpdates: counter('round_updates_total', 'Updates that are in published rounds.'),
  assigned: counter('assignments_offered_total', 'Assignments that were offered.'),
  expired: counter('assignments_expired_total', 'Assignments that ended because their Library was gone.'),

  // ---- workers
  jobSeconds: histogram('job_duration_seconds', 'Time that a job of a queue took.', JOBS, [
    'queue',
    'outcome',
  ]),
  jobWaitSeconds: histogram('job_wait_seconds', 'Time that a job waited in its queue.', JOBS, ['queue']),
  foldedBytes: counter('folded_bytes_total', 'Bytes of updates and sums that were added up by aggregators.'),
  foldSeconds: counter(
    'fold_seconds_total',
    'Time that threads took to add them up, waiting for bytes not counted.',
  ),

  // ---- the pool as its coordinators see it: each says the same
  slots: gauge('slots', 'Aggregator slots: total, wanted by sessions, granted to them.', ['kind']),
  activeSessions: gauge('active_sessions', 'Sessions that somebody still has to look at.'),
  queueDepth: gauge('queue_depth', 'Jobs that wait or are worked on.', ['queue']),
  nodes: gauge('nodes', 'Processes that report, by role.', ['role']),

  // ---- Redis and the audit trails
  scriptSeconds: histogram('redis_script_duration_seconds', 'Time until a script was answered.', FAST, [
    'script',
  ]),
  auditEntries: counter('audit_entries_total', 'Entries appended to audit trails of Repos or of the pool.', [
    'trail',
  ]),
  auditTrimmed: counter('audit_trimmed_total', 'Entries dropped from audit trails that were full.'),
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
