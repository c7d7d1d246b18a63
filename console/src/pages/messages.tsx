import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, toError, type RecordPage, type RecordRow, type TopicDetails } from '../api';
import { bytes, clock, dateTime, exact } from '../format';
import { Json } from '../json';
import { Card, Command, Empty, ErrorBox } from '../ui';

const TAIL_KEPT = 200;
interface TailEvent { partition: number; offset: number; timestamp_ms: number; key: string | null; value: string | null; headers?: { key: string; value: string | null }[] }

function kindOf(text: string | null): RecordRow['value_kind'] {
  if (text === null) return 'null';
  try { JSON.parse(text); return 'json'; } catch { return 'text'; }
}

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
  const more = () => { if (page) void load(Object.entries(page.next).map(([p, o]) => `${p}:${o}`).join(','), true); };

  useEffect(() => { if (!tail) void load(); }, [partition, from, tail]);
  useEffect(() => {
    if (!tail) return;
    setTailed([]);
    const query = new URLSearchParams({ from: 'latest', decode: 'text' });
    if (partition) query.set('partition', partition);
    const source = new EventSource(`/v1/topics/${name}/events?${query}`);
    let waiting: RecordRow[] = [];
    source.onmessage = (message) => {
      const event = JSON.parse(message.data) as TailEvent;
      waiting.unshift({ ...event, headers: event.headers ?? [], value_kind: kindOf(event.value), size_bytes: event.value?.length ?? 0 });
    };
    const flush = setInterval(() => {
      if (waiting.length === 0) return;
      const batch = waiting;
      waiting = [];
      setTailed((old) => [...batch, ...old].slice(0, TAIL_KEPT));
    }, 200);
    return () => { source.close(); clearInterval(flush); };
  }, [tail, partition]);

  const records = tail ? tailed : from === 'latest' && !search && !filter ? [...(page?.records ?? [])].reverse() : page?.records ?? [];
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
                return <Row key={id} record={record} open={open === id} fresh={tail} toggle={() => setOpen(open === id ? null : id)} />;
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
