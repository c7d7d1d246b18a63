// A stand-in for a node, to work on the page without one: serves dist/ and made-up answers of the admin API.
//   node dev/mock-node.mjs [port]     (0: a free one; prints the address)
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const started = Date.now();
const empty = process.argv.includes('--empty');
let turn = 0;

const wave = (base, i) => Math.max(0, base * (1 + 0.35 * Math.sin((turn + i * 17) / 9) + 0.1 * Math.sin(turn * 1.7 + i)));
const topic = (name, partitions, rate, records, internal = false) => ({
  name, id: name, internal, partition_count: partitions, size_bytes: records * 214, records: Math.round(records + turn * rate),
  rates: { bytes_in: wave(rate * 214, name.length), records_in: wave(rate, name.length) }, config: name === 'page-views' ? { 'cleanup.policy': 'compact' } : {},
});
const topics = () => (empty ? [] : [
  topic('clicks', 4, 1840, 1_284_000), topic('error-bursts', 1, 0.1, 213), topic('funnel', 1, 0.1, 4_820), topic('page-views', 2, 12, 38_000),
  topic('payments', 3, 96, 402_113), topic('__mainstem-sink-page_views', 2, 14, 51_000, true),
]);
const job = (id, name, state, extra = {}) => ({
  id, name, state, statement: 'INSERT INTO page_views\nSELECT window_start, page, COUNT(*), COUNT(DISTINCT session)\nFROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL \'1\' MINUTE))\nWHERE type = \'view\' -- only what was seen\nGROUP BY window_start, window_end, page;',
  bounded: false, parallelism: 2, error: '', restart_count: 0, created_at_ms: started - 4e6, started_at_ms: started - 4e6, finished_at_ms: 0,
  checkpoint: { id: 412 + turn, completed_at_ms: Date.now() - 400, duration_ms: 12, failed_count: 0 }, savepoint: { path: '/data/savepoints/savepoint-orders-3fa1-1f00ba42', completed_at_ms: Date.now() - 7_200_000, in_progress: false, error: '' }, progress: { ratio: null, eta_ms: null }, ...extra,
});
const jobs = () => (empty ? [] : [
  job('j-1', 'clickstream', 'RUNNING'), job('j-2', 'access-log', 'FINISHING', { bounded: true, progress: { ratio: 0.84, eta_ms: 4200 } }),
  job('j-3', 'to-warehouse', 'RESTARTING', { restart_count: 3, error: 'connect to 127.0.0.1:5432: connection refused' }), job('j-4', 'nightly', 'STOPPED'),
]);
const op = (id, name, detail, inputs, rate, busy, blocked, extra = {}) => ({
  id, name, detail, parallelism: 2, inputs, exchanges: inputs.map((i) => (name.includes('Window') ? 'hash' : 'forward')), rows_in: rate * 900, rows_out: rate * 880,
  rows_in_per_second: inputs.length ? wave(rate, id) : 0, rows_out_per_second: wave(rate, id + 1), bytes_in_per_second: inputs.length ? 0 : wave(rate * 214, id), watermark_ms: Date.now() - 5200, busy_ratio: busy,
  backpressured_ratio: blocked, state_entries: 1240, state_bytes: 88_000, late_rows: 0, rejected_rows: 0, lag_records: -1, ...extra,
});
const details = (id) => ({
  ...(jobs().find((j) => j.id === id) ?? job(id, id, 'RUNNING')),
  operators: [
    op(1, 'Source: clicks', 'kafka topic=clicks format=json', [], 1840, 0.42, 0.05, { lag_records: 1210 }), op(2, 'Filter', "type = 'view'", [1], 1240, 0.12, 0),
    op(3, 'WindowAggregate', "TUMBLE(ts, 1 min) GROUP BY page: COUNT(*), COUNT(DISTINCT session)", [2], 1240, 0.63, 0, { late_rows: 12 }), op(4, 'Sink: page_views', 'upsert by (minute, page)', [3], 12, 0.04, 0),
    op(5, 'GroupAggregate', 'GROUP BY type: COUNT(*), SUM(amount)', [1], 1840, 0.87, 0), op(6, 'Sink: click_totals', 'upsert by (type)', [5], 310, 0.05, 0),
    op(7, 'Sink: archive', 'parquet, rolled every minute', [1], 1840, 0.2, 0.61),
  ],
  sinks: [
    { name: 'page_views', connector: 'jdbc', guarantee: 'exactly once (position in the same transaction)', rows_delivered: 40_210, lag_records: 0, positions: [1, 2], state: 'running', last_error: '', retry_count: 0, rejected_rows: 3 },
    { name: 'archive', connector: 'filesystem', guarantee: 'exactly once (position in the file name)', rows_delivered: 1_204_000, lag_records: 8_120, positions: [1], state: 'retrying', last_error: 'disk is slow', retry_count: 2, rejected_rows: 0 },
  ],
});
const node = () => ({
  version: '0.1.0', uptime_ms: Date.now() - started + 4_000_000, now_ms: Date.now(), data_dir: './.data', kafka_address: '127.0.0.1:9092', http_address: '127.0.0.1:8080',
  memory: { budget_bytes: 716e6, used_bytes: 181e6, rss_bytes: 236e6 }, disk_free_bytes: 212e9, rates: empty ? { bytes_in: 0, bytes_out: 0, records_in: 0 } : { bytes_in: wave(420e3, 1), bytes_out: wave(610e3, 5), records_in: wave(1950, 2) },
  topic_count: topics().filter((t) => !t.internal).length, job_count: jobs().length,
});
const snapshot = () => JSON.stringify({ node: node(), topics: topics(), jobs: jobs() });
const record = (i) => ({
  partition: i % 4, offset: 32_000 + i, timestamp_ms: Date.now() - (50 - i) * 137, key: `s${(i * 7919 % 65536).toString(16)}`, value_kind: 'json', size_bytes: 182,
  value: JSON.stringify({ event_id: `e${32_000 + i}`, session: `s${(i * 7919 % 65536).toString(16)}`, type: ['view', 'view', 'cart', 'order'][i % 4], page: ['/', '/product/kettle', '/search', '/checkout'][i % 4], product: i % 3 ? 'kettle' : null, amount: i % 4 === 3 ? 39.9 : null, status: 200, took_ms: 20 + (i * 37 % 23) + (i % 17 === 0 ? 60 : 0), ts: '2026-11-23 20:15:04.120' }), headers: i % 2 ? [] : [{ key: 'source', value: 'shop' }],
});
const groups = () => (empty ? [] : [{ id: 'billing', state: 'Stable', protocol: 'cooperative-sticky', member_count: 2, lag: 1_204 }, { id: 'search-index', state: 'Empty', protocol: '', member_count: 0, lag: 88_210 }]);

const transactions = () => (empty ? [] : [
  { id: 'billing-writer-0', state: 'Ongoing', open: true, producer_id: 4011, producer_epoch: 12, timeout_ms: 60_000, started_at_ms: Date.now() - 41_300, age_ms: 41_300, updated_at_ms: Date.now(), partitions: [0, 1, 2].map((partition) => ({ topic: 'payments', partition })), groups: ['billing'] },
  { id: 'archive', state: 'CompleteCommit', open: false, producer_id: 4002, producer_epoch: 3, timeout_ms: 900_000, started_at_ms: null, age_ms: null, updated_at_ms: started, partitions: [], groups: [] },
]);

function answer(path) {
  if (path === '/api/v1/node') return node();
  if (path === '/api/v1/history') {
    const ago = Array.from({ length: 120 }, (_, i) => 600 - 5 * i), wave = (high) => ago.map((s) => Math.round(high * (1 + 0.3 * Math.sin(s / 40))));
    return { times_ms: ago.map((s) => Date.now() - s * 1000), bytes_in: wave(2e6), bytes_out: wave(3e6), records_in: wave(8000), topics: { clicks: wave(5000) } };
  }
  if (path === '/api/v1/topics') return { topics: topics() };
  if (path === '/api/v1/jobs') return { jobs: jobs() };
  if (path === '/api/v1/groups') return { groups: groups() };
  if (path === '/api/v1/transactions') return { transactions: transactions() };
  if (path.startsWith('/api/v1/groups/')) return { ...groups()[0], members: [{ id: 'consumer-1-4c1e', client_id: 'billing-1', host: '/127.0.0.1', assignment: [{ topic: 'clicks', partition: 0 }, { topic: 'clicks', partition: 1 }] }], offsets: [0, 1, 2, 3].map((p) => ({ topic: 'clicks', partition: p, committed: 320_000 - p * 300, high_watermark: 321_000, lag: 1000 + p * 300 })) };
  if (path.startsWith('/api/v1/jobs/')) return details(path.split('/')[4]);
  if (path.endsWith('/records')) return { records: Array.from({ length: 50 }, (_, i) => record(i)), scanned: 50, complete: true, next: { 0: 1, 1: 2 } };
  if (path.startsWith('/api/v1/topics/')) return { ...topic(path.split('/')[4], 4, 1840, 1_284_000), partitions: [0, 1, 2, 3].map((id) => ({ id, log_start: 0, high_watermark: 321_000 + id * 9100 + Math.round(turn * (500 - id * 90) + 160 * Math.sin((turn + id * 5) / 4)), last_stable_offset: 321_000, size_bytes: 68e6 })), config_all: [{ name: 'retention.ms', value: '604800000', source: 'default', default: '604800000', documentation: 'How long records are kept.', honoured: true }, { name: 'cleanup.policy', value: 'compact', source: 'topic', default: 'delete', documentation: 'delete drops old records, compact keeps the newest of each key.', honoured: true }] };
  return null;
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  const stream = (text, every) => { response.writeHead(200, { 'Content-Type': 'text/event-stream' }); response.write(text()); const timer = setInterval(() => response.write(text()), every); request.on('close', () => clearInterval(timer)); };
  if (pathname === '/api/v1/live') return stream(() => `data: ${snapshot()}\n\n`, 1000);
  if (pathname.endsWith('/events')) { let i = 0; const base64 = (text) => Buffer.from(text).toString('base64'); return stream(() => { const { partition, offset, key, value } = record(i++); return `data: ${JSON.stringify({ partition, offset: offset + 50, timestamp_ms: Date.now(), key_base64: base64(key), value_base64: base64(value) })}\n\n`; }, 400); }
  if (pathname === '/api/v1/sql') {
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    const rows = [['+I', 'view', '812'], ['+I', 'cart', '201'], ['-U', 'view', '812'], ['+U', 'view', '813'], ['+I', null, '4']];
    response.end([{ statement: 0, text: '' }, { columns: [{ name: 'type', type: 'STRING' }, { name: 'events', type: 'BIGINT NOT NULL' }] }, { rows }, request.headers['x-ok'] ? { done: '' } : { error: { code: 'SemanticError', message: "line 8, column 8: no column 'typ'", detail: 'SELECT typ, COUNT(*) FROM clicks\n       ^~~', hint: "did you mean 'type'?" } }].map((l) => JSON.stringify(l)).join('\n') + '\n');
    return;
  }
  const found = answer(pathname);
  if (found) { response.writeHead(200, { 'Content-Type': 'application/json' }); response.end(JSON.stringify(found)); return; }
  try {
    const file = pathname === '/' ? '/index.html' : pathname;
    response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'text/plain' });
    response.end(readFileSync(join(dist, file)));
  } catch { response.writeHead(404); response.end(); }
});
setInterval(() => { turn++; }, process.argv.includes('--fast') ? 30 : 1000);
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
