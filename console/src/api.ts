// The admin API (docs/admin-api.md) and the event paths, typed.

export interface Rates { bytes_in: number; bytes_out?: number; records_in: number }
export interface Node {
  version: string; uptime_ms: number; now_ms: number; data_dir: string; kafka_address: string; http_address: string;
  memory: { limit_bytes: number; budget_bytes: number; used_bytes: number; rss_bytes: number };
  disk_free_bytes: number; rates: Rates; topic_count: number; job_count: number;
}
export interface Topic {
  name: string; id: string; internal: boolean; partition_count: number; size_bytes: number; records: number;
  rates: Rates; config: Record<string, string>;
}
export interface Partition { id: number; log_start: number; high_watermark: number; last_stable_offset: number; size_bytes: number }
export interface ConfigEntry { name: string; value: string; source: string; default: string; documentation: string; honoured: boolean }
export interface TopicDetails extends Topic { partitions: Partition[]; config_all: ConfigEntry[] }
export interface Header { key: string; value: string | null }
export interface RecordRow {
  partition: number; offset: number; timestamp_ms: number; key: string | null; value: string | null;
  headers: Header[]; value_kind: 'json' | 'text' | 'binary' | 'null'; size_bytes: number; cut?: boolean;
}
export interface RecordPage { records: RecordRow[]; scanned: number; complete: boolean; next: Record<string, number> }
export interface Operator {
  id: number; name: string; detail: string; parallelism: number; inputs: number[]; exchanges: string[];
  rows_in: number; rows_out: number; rows_in_per_second: number; rows_out_per_second: number; bytes_in_per_second: number;
  watermark_ms: number | null; busy_ratio: number; backpressured_ratio: number; state_entries: number; state_bytes: number;
  late_rows: number; rejected_rows: number; lag_records: number;
}
export interface Sink {
  name: string; connector: string; guarantee: string; rows_delivered: number; lag_records: number; positions: number[];
  state: string; last_error: string; retry_count: number; rejected_rows: number;
}
export type JobState = 'CREATED' | 'RUNNING' | 'RESTARTING' | 'FINISHING' | 'FINISHED' | 'STOPPED' | 'CANCELLED' | 'FAILED';
export interface Job {
  id: string; name: string; statement: string; state: JobState; bounded: boolean; parallelism: number; error: string;
  restart_count: number; created_at_ms: number; started_at_ms: number; finished_at_ms: number;
  checkpoint: { id: number; completed_at_ms: number; duration_ms: number; failed_count: number };
  savepoint: { path: string; completed_at_ms: number; in_progress: boolean; error: string };
  progress: { ratio: number | null; eta_ms: number | null };
}
export interface JobDetails extends Job { operators: Operator[]; sinks: Sink[] }
export interface Group { id: string; state: string; protocol: string; member_count: number; lag: number }
export interface GroupDetails extends Group {
  members: { id: string; client_id: string; host: string; assignment: { topic: string; partition: number }[] }[];
  offsets: { topic: string; partition: number; committed: number; high_watermark: number; lag: number }[];
}
export interface Transaction {
  id: string; state: string; open: boolean; producer_id: number; producer_epoch: number; timeout_ms: number; started_at_ms: number | null;
  age_ms: number | null; updated_at_ms: number; partitions: { topic: string; partition: number }[]; groups: string[];
}
export interface Snapshot { node: Node; topics: Topic[]; jobs: Job[] }
export interface History { times_ms: number[]; bytes_in: number[]; bytes_out: number[]; records_in: number[]; topics: Record<string, number[]> }

export class ApiError extends Error {
  constructor(readonly code: string, message: string, readonly detail = '', readonly hint = '') { super(message); }
}

export async function asError(response: Response): Promise<ApiError> {
  try {
    const { error } = await response.json();
    return new ApiError(error.code, error.message, error.detail, error.hint);
  } catch {
    return new ApiError('Http', `the node answered ${response.status} ${response.statusText}`);
  }
}

export function toError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new ApiError('Network', 'the node cannot be reached', String(cause), 'is it still running?');
}

export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, {
    method, signal,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw await asError(response);
  return response.json() as Promise<T>;
}
export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal);

export interface SqlLine {
  statement?: number; text?: string; columns?: { name: string; type: string }[]; rows?: (string | null)[][];
  job?: string; done?: string; error?: { code: string; message: string; detail?: string; hint?: string };
}
// Runs a script; gives each line of the answer as it comes.
export async function runSql(script: string, signal: AbortSignal, onLine: (line: SqlLine) => void): Promise<void> {
  const response = await fetch('/api/v1/sql', {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ script }),
  });
  if (!response.ok || !response.body) throw await asError(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim()) onLine(JSON.parse(line) as SqlLine);
  }
  if (rest.trim()) onLine(JSON.parse(rest) as SqlLine);
}
