import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, toError, type RecordPage, type RecordRow, type TopicDetails } from '../api';
import { bytes, clock, dateTime, exact } from '../format';
import { Json } from '../json';
import { Card, Command, Empty, ErrorBox } from '../ui';
import { FieldChart, LAST } from './fieldchart';

// While following: how often the page is drawn, and with how many new rows each is marked; rows that are shown, and messages kept to draw.
const FLUSH_MS = 400, CALM = 10;
const TAIL_SHOWN = 200, TAIL_KEPT = Math.max(...LAST);
interface TailEvent {
  partition: number; offset: number; timestamp_ms: number; key_base64?: string; value_base64?: string;
  headers?: { key: string; value_base64?: string }[];
}

// Bytes as the records of a page come: text as it is, other bytes as hexadecimal digits.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function shown(base64: string | undefined): { text: string | null; binary: boolean; size: number } {
  if (base64 === undefined) return { text: null, binary: false, size: 0 };
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  try {
    return { text: UTF8.decode(bytes), binary: false, size: bytes.length };
  } catch {
    return { text: Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''), binary: true, size: bytes.length };
  }
}

function toRow(event: TailEvent): RecordRow {
  const value = shown(event.value_base64);
  const kind = (): RecordRow['value_kind'] => {
    if (value.text === null) return 'null';
    if (value.binary) return 'binary';
    try { JSON.parse(value.text); return 'json'; } catch { return 'text'; }
  };
  return {
    partition: event.partition, offset: event.offset, timestamp_ms: event.timestamp_ms, key: shown(event.key_base64).text, value: value.text, value_kind: kind(), size_bytes: value.size,
    headers: (event.headers ?? []).map((header) => ({ key: header.key, value: shown(header.value_base64).text })),
  };
}

// Where a page of records ends, as the API takes it.
const places = (page: RecordPage) => Object.entries(page.next).map(([p, o]) => `${p}:${o}`).join(',');

function Value(props: { record: RecordRow }) {
  const { record } = props;
  if (record.value_kind === 'null') return <p class="soft">No value: this record deletes its key in a compacted topic.</p>;
  if (record.value_kind === 'json') return <Json text={record.value ?? ''} />;
  return <pre class="json">{record.value_kind === 'binary' ? (record.value ?? '').replace(/(..)/g, '$1 ') : record.value}</pre>;
}

function Row(props: { record: RecordRow; open: boolean; toggle: () => void; fresh: boolean }) {
  const { record } = props;
  const preview = record.value_kind === 'null' ? '∅' : (record.value ?? '').replace(/\s+/g, ' ').slice(0, 300);
  return (
    <>
      <tr class={`message ${props.open ? 'open' : ''} ${props.fresh ? 'fresh' : ''}`} onClick={props.toggle}>
        <td class="time" title={dateTime(record.timestamp_ms)}>
          <button type="button" class="twist" aria-expanded={props.open} aria-label={`Record ${record.partition}@${record.offset}`}>{props.open ? '▾' : '▸'}</button>{clock(record.timestamp_ms)}
        </td>
        <td class="num soft">{record.partition}</td>
        <td class="num">{exact(record.offset)}</td>
        <td class="key">{record.key ?? <span class="soft">–</span>}</td>
        <td class={`preview ${record.value_kind}`}>{preview}</td>
      </tr>
      {props.open && (
        <tr class="detail"><td colSpan={5}>
          <dl>
            <dt>Time</dt><dd>{dateTime(record.timestamp_ms)}</dd>
            <dt>Size</dt><dd>{bytes(record.size_bytes)}{record.cut && ' (the beginning is shown)'}</dd>
            {record.headers.map((header) => <><dt>{header.key}</dt><dd><code>{header.value ?? 'null'}</code></dd></>)}
          </dl>
          <Value record={record} />
        </td></tr>
      )}
    </>
  );
}

export function Messages(props: { topic: TopicDetails }) {
  const name = encodeURIComponent(props.topic.name);
  const [partition, setPartition] = useState('');
  const [from, setFrom] = useState('latest');
  const [at, setAt] = useState('');
  const [search, setSearch] = useState('');
  const [filter, setFilter] = useState('');
  const [tail, setTail] = useState(false);
  const [page, setPage] = useState<RecordPage | null>(null);
  const [tailed, setTailed] = useState<RecordRow[]>([]);
  const [before, setBefore] = useState<RecordRow[]>([]);  // the newest when the following began
  const [rush, setRush] = useState(false);  // so many come that marking each one costs more than it tells
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const running = useRef<AbortController | null>(null);

  const startText = () => {
    if (from === 'earliest') return 'earliest';
    if (from === 'offset') return at || '0';
    if (from === 'time') return `@${new Date(at || Date.now()).getTime()}`;
    return search || filter ? '-20000' : '-50';
  };
  const load = async (startAt = startText(), append = false) => {
    running.current?.abort();
    running.current = new AbortController();
    const query = new URLSearchParams({ from: startAt, limit: '50', 'as-text': '1' });
    if (partition) query.set('partition', partition);
    if (search) query.set('search', search);
    if (filter) query.set('path', filter);
    setBusy(true);
    try {
      const next = await get<RecordPage>(`/api/v1/topics/${name}/records?${query}`, running.current.signal);
      setPage((old) => (append && old ? { ...next, records: [...old.records, ...next.records], scanned: old.scanned + next.scanned } : next));
      setError(null);
    } catch (cause) {
      if (!(cause instanceof DOMException)) setError(toError(cause));
    }
    setBusy(false);
  };
  const more = () => { if (page) void load(places(page), true); };

  useEffect(() => { if (!tail) void load(); }, [partition, from, tail]);
  useEffect(() => {
    if (!tail) return;
    setTailed([]);
    setBefore([]);
    const stop = new AbortController();
    let source: EventSource | null = null;
    let waiting: RecordRow[] = [];
    // The newest records first, then what comes after them: none is missed between.
    const follow = async () => {
      const query = new URLSearchParams({ from: '-50', limit: '50', 'as-text': '1' });
      if (partition) query.set('partition', partition);
      try {
        const newest = await get<RecordPage>(`/api/v1/topics/${name}/records?${query}`, stop.signal);
        setBefore([...newest.records].reverse());
        setError(null);
        const events = new URLSearchParams({ from: places(newest), decode: 'base64' });
        if (partition) events.set('partition', partition);
        source = new EventSource(`/v1/topics/${name}/events?${events}`);
        source.addEventListener('error', (message) => {  // the node's word, not the loss of the connection
          if (!(message instanceof MessageEvent)) return;
          setError(toError(new Error((JSON.parse(message.data) as { error: { message: string } }).error.message)));
          setTail(false);
        });
        source.onmessage = (message) => {
          waiting.push(toRow(JSON.parse(message.data) as TailEvent));
          if (waiting.length > TAIL_KEPT) waiting.shift();
        };
      } catch (cause) {
        if (stop.signal.aborted) return;
        setError(toError(cause));
        setTail(false);
      }
    };
    void follow();
    const flush = setInterval(() => {
      if (waiting.length === 0) return;
      const batch = waiting.reverse();
      waiting = [];
      setRush(batch.length > CALM);
      setTailed((old) => [...batch, ...old].slice(0, TAIL_KEPT));
    }, FLUSH_MS);
    return () => { stop.abort(); source?.close(); clearInterval(flush); };
  }, [tail, partition]);

  const records = tail ? tailed.slice(0, TAIL_SHOWN) : from === 'latest' && !search && !filter ? [...(page?.records ?? [])].reverse() : page?.records ?? [];
  const submit = (event: Event) => { event.preventDefault(); setTail(false); void load(); };
  return (
    <Card class="messages">
      <form class="toolbar" onSubmit={submit}>
        <select value={from} onChange={(e) => { setTail(false); setFrom(e.currentTarget.value); }} aria-label="From where" disabled={tail}>
          <option value="latest">Newest first</option>
          <option value="earliest">From the beginning</option>
          <option value="offset">From an offset</option>
          <option value="time">From a time</option>
        </select>
        {from === 'offset' && <input type="number" min="0" class="short" value={at} onInput={(e) => setAt(e.currentTarget.value)} placeholder="offset" aria-label="Offset" />}
        {from === 'time' && <input type="datetime-local" step="1" value={at} onInput={(e) => setAt(e.currentTarget.value)} aria-label="Time" />}
        <select value={partition} onChange={(e) => setPartition(e.currentTarget.value)} aria-label="Partition">
          <option value="">All partitions</option>
          {props.topic.partitions.map((p) => <option value={String(p.id)}>Partition {p.id}</option>)}
        </select>
        <input type="search" class="search" value={search} onInput={(e) => setSearch(e.currentTarget.value)} placeholder="Search in key and value  /" aria-label="Search" disabled={tail} />
        <input class="path" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} placeholder="$.user=ada" aria-label="JSON path" spellcheck={false} disabled={tail} />
        <button type="submit" disabled={tail || busy}>Search</button>
        <button type="button" class={tail ? 'live on' : 'live'} aria-pressed={tail} onClick={() => setTail(!tail)}>{tail ? 'Live' : 'Follow'}</button>
      </form>
      <ErrorBox error={error} />
      {tail && <FieldChart records={[...tailed, ...before].slice(0, TAIL_KEPT)} />}
      {records.length === 0 ? (tail ? <p class="waiting"><span class="pulse" /> Waiting for the next record…</p> : page && !busy && (
        search || filter ? <Empty title="Nothing found"><p>{exact(page.scanned)} records were looked at{page.complete ? '' : ', and there are more'}.</p>{!page.complete && <button type="button" onClick={more}>Look further</button>}</Empty>
          : <Empty title="No records here"><p>Send one:</p><Command>{`curl -d 'hello' ${location.origin}/v1/topics/${props.topic.name}/events`}</Command></Empty>
      )) : (
        <>
          <table class="grid records">
            <thead><tr><th class="time">Time</th><th class="num">Part.</th><th class="num">Offset</th><th>Key</th><th>Value</th></tr></thead>
            <tbody>
              {records.map((record) => {
                const id = `${record.partition}@${record.offset}`;
                return <Row key={id} record={record} open={open === id} fresh={tail && !rush} toggle={() => setOpen(open === id ? null : id)} />;
              })}
            </tbody>
          </table>
          {!tail && page && <footer class="toolbar bottom"><span class="soft">{exact(records.length)} shown, {exact(page.scanned)} looked at</span>
            {(from !== 'latest' || search || filter) && <button type="button" disabled={busy} onClick={more}>Further</button>}</footer>}
        </>
      )}
    </Card>
  );
}
