import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, call, runSql, toError, type SqlLine } from '../api';
import { exact } from '../format';
import { useLive } from '../live';
import { link } from '../router';
import { coloured } from '../sqltext';
import { Card, Empty, ErrorBox, Page } from '../ui';

const KEPT_ROWS = 500;
const STORED = 'mainstem.sql';

interface Outcome { text: string; columns: { name: string; type: string }[]; rows: (string | null)[][]; count: number; message: string; jobs: string[] }

function samples(kafka: string, topic: string): { name: string; sql: string }[] {
  return [
    { name: 'Count as it comes', sql: `-- Counts events of each kind; the result changes as they come.\nCREATE TABLE clicks (\n  session STRING,\n  type STRING,\n  ts TIMESTAMP(3)\n) WITH (\n  'connector' = 'kafka',\n  'topic' = '${topic}',\n  'properties.bootstrap.servers' = '${kafka}',\n  'scan.startup.mode' = 'earliest-offset',\n  'format' = 'json'\n);\n\nSELECT type, COUNT(*) AS events FROM clicks GROUP BY type;\n` },
    { name: 'Per minute', sql: `-- One row for each finished minute of event time.\nCREATE TABLE clicks (\n  session STRING,\n  ts TIMESTAMP(3),\n  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND\n) WITH (\n  'connector' = 'kafka',\n  'topic' = '${topic}',\n  'properties.bootstrap.servers' = '${kafka}',\n  'scan.startup.mode' = 'earliest-offset',\n  'format' = 'json'\n);\n\nSELECT window_start, COUNT(*) AS events, COUNT(DISTINCT session) AS sessions\nFROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))\nGROUP BY window_start, window_end;\n` },
    { name: 'Made-up data', sql: `CREATE TABLE sensors (\n  id INT,\n  temperature DOUBLE\n) WITH (\n  'connector' = 'datagen',\n  'rows-per-second' = '5',\n  'fields.id.min' = '1', 'fields.id.max' = '4'\n);\n\nSELECT id, COUNT(*) AS readings, MAX(temperature) AS hottest FROM sensors GROUP BY id;\n` },
  ];
}

function Editor(props: { value: string; onChange: (text: string) => void; onRun: () => void }) {
  const under = useRef<HTMLPreElement>(null);
  const onKey = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); props.onRun(); }
  };
  const lines = Math.min(26, Math.max(9, props.value.split('\n').length + 1));
  return (
    <div class="editor" style={{ height: `${lines * 1.55 + 1.5}em` }}>
      <pre ref={under} class="sql" aria-hidden="true">{coloured(props.value)}{'\n'}</pre>
      <textarea value={props.value} spellcheck={false} autocapitalize="off" autocomplete="off" aria-label="SQL" placeholder="SELECT 1 + 1;" wrap="off"
        onInput={(e) => props.onChange(e.currentTarget.value)} onKeyDown={onKey}
        onScroll={(e) => { if (under.current) { under.current.scrollTop = e.currentTarget.scrollTop; under.current.scrollLeft = e.currentTarget.scrollLeft; } }} />
    </div>
  );
}

function Result(props: { outcome: Outcome; running: boolean }) {
  const { outcome } = props;
  const changing = outcome.rows.some((row) => row[0] !== '+I');
  const numeric = outcome.columns.map((c) => /^(TINYINT|SMALLINT|INT|BIGINT|DECIMAL|FLOAT|DOUBLE)/.test(c.type));
  return (
    <div class="result">
      {outcome.jobs.map((id) => <p>Started the job <a href={link('jobs', id)}>{id}</a>.</p>)}
      {outcome.columns.length > 0 && (
        <>
          <div class="scroll"><table class="grid rows">
            <thead><tr>{changing && <th />}{outcome.columns.map((c, i) => <th class={numeric[i] ? 'num' : ''}>{c.name}<small>{c.type}</small></th>)}</tr></thead>
            <tbody>{outcome.rows.map((row) => (
              <tr class={row[0] === '-U' || row[0] === '-D' ? 'old' : ''}>{changing && <td class={`kind k${row[0]?.[0] === '+' ? 'plus' : 'minus'}`}>{row[0]}</td>}
                {row.slice(1).map((field, i) => <td class={numeric[i] ? 'num' : ''}>{field === null ? <span class="null">NULL</span> : field}</td>)}</tr>
            ))}</tbody>
          </table></div>
          <p class="soft">{props.running && <span class="pulse" />} {exact(outcome.count)} {outcome.count === 1 ? 'row' : 'rows'}{outcome.count > KEPT_ROWS && `, the last ${KEPT_ROWS} shown`}{changing && '; a result that changes: +U replaces −U'}</p>
        </>
      )}
      {outcome.message && (outcome.message.includes('\n') ? <pre class="plan">{outcome.message}</pre> : <p class="soft">{outcome.message}</p>)}
    </div>
  );
}

export function SqlPage() {
  const live = useLive();
  const [text, setText] = useState(() => localStorage.getItem(STORED) ?? '');
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [submitted, setSubmitted] = useState<string[]>([]);
  const running = useRef<AbortController | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => { localStorage.setItem(STORED, text); }, [text]);
  useEffect(() => () => running.current?.abort(), []);

  const run = async () => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    const found: Outcome[] = [];
    let dirty = false;
    const current = () => found[found.length - 1] ?? found[found.push({ text: '', columns: [], rows: [], count: 0, message: '', jobs: [] }) - 1]!;
    const onLine = (line: SqlLine) => {
      dirty = true;
      if (line.statement !== undefined) found.push({ text: line.text ?? '', columns: [], rows: [], count: 0, message: '', jobs: [] });
      if (line.columns) current().columns = line.columns;
      if (line.rows) {
        current().count += line.rows.length;
        current().rows = [...current().rows, ...line.rows].slice(-KEPT_ROWS);
      }
      if (line.job) current().jobs.push(line.job);
      if (line.done) current().message = line.done;
      if (line.error) setError(new ApiError(line.error.code, line.error.message, line.error.detail, line.error.hint));
    };
    setBusy(true);
    setError(null);
    setSubmitted([]);
    setOutcomes([]);
    const draw = setInterval(() => { if (dirty) { dirty = false; setOutcomes(found.map((o) => ({ ...o }))); } }, 120);
    try {
      await runSql(text, stop.signal, onLine);
    } catch (cause) {
      if (!stop.signal.aborted) setError(toError(cause));
    }
    clearInterval(draw);
    if (running.current === stop) { setOutcomes(found); setBusy(false); }
  };
  const submit = async () => {
    setError(null);
    setOutcomes([]);
    try {
      setSubmitted((await call<{ job_ids: string[] }>('POST', '/api/v1/jobs', { script: text })).job_ids);
    } catch (cause) { setError(toError(cause)); }
  };
  const explain = async () => {
    setError(null);
    try {
      const { plan } = await call<{ plan: string }>('POST', '/api/v1/explain', { script: text });
      setOutcomes([{ text: '', columns: [], rows: [], count: 0, message: plan + '\n', jobs: [] }]);
    } catch (cause) { setError(toError(cause)); }
  };
  const topics = (live.snapshot?.topics ?? []).filter((t) => !t.internal);
  const busiest = [...topics].sort((a, b) => b.records - a.records)[0]?.name ?? 'clicks';
  const shown = outcomes.filter((o) => o.columns.length > 0 || o.jobs.length > 0 || o.message);
  return (
    <Page title="SQL" lead="Flink's dialect, over topics, files and databases. Each run is a session of its own.">
      <Card class="sql-card">
        <Editor value={text} onChange={setText} onRun={() => void run()} />
        <div class="toolbar bottom">
          {busy ? <button type="button" class="primary" onClick={() => { running.current?.abort(); setBusy(false); }}>Stop</button>
            : <button type="button" class="primary" onClick={() => void run()} disabled={!text.trim()}>Run <kbd>Ctrl ⏎</kbd></button>}
          <button type="button" onClick={() => void explain()} disabled={!text.trim()}>Explain</button>
          <button type="button" onClick={() => void submit()} disabled={!text.trim()} title="Starts each INSERT as a job that survives restarts">Run as job</button>
          <span class="spacer" />
          <span class="soft">Begin with</span>
          {samples(live.snapshot?.node.kafka_address ?? '127.0.0.1:9092', busiest).map((sample) => <button type="button" class="quiet" onClick={() => setText(sample.sql)}>{sample.name}</button>)}
        </div>
      </Card>
      <ErrorBox error={error} />
      {submitted.length > 0 && <Card><p>Running as {submitted.map((id, i) => <>{i > 0 && ', '}<a href={link('jobs', id)}>{id}</a></>)}.</p></Card>}
      {shown.map((outcome, i) => <Card><Result outcome={outcome} running={busy && i === shown.length - 1} /></Card>)}
      {busy && shown.length === 0 && <Card><p class="waiting"><span class="pulse" /> Running…</p></Card>}
      {!busy && !error && shown.length === 0 && submitted.length === 0 && !text.trim() && (
        <Card><Empty title="Ask your streams something"><p>A query over a topic goes on as events come. Begin with one of the samples above, and press <kbd>Ctrl</kbd> <kbd>Enter</kbd>.</p></Empty></Card>
      )}
    </Page>
  );
}
