import { useState } from 'preact/hooks';
import { ApiError, call, toError, type TopicDetails } from '../api';
import { bytes, bytesPerSecond, count, exact, perSecond, plural } from '../format';
import { useFetch } from '../hooks';
import { useLive } from '../live';
import { go, link, path } from '../router';
import { Card, Dialog, ErrorBox, Loading, Page, Stat, Tabs } from '../ui';
import { Messages } from './messages';
import { TopicRates } from './topicrates';

function Partitions(props: { topic: TopicDetails }) {
  const largest = Math.max(1, ...props.topic.partitions.map((p) => p.high_watermark - p.log_start));
  return (
    <Card>
      <table class="grid">
        <thead><tr><th class="num">Partition</th><th class="num">First offset</th><th class="num">Next offset</th><th class="num">Records</th><th>Share</th><th class="num">Size</th></tr></thead>
        <tbody>
          {props.topic.partitions.map((p) => {
            const records = p.high_watermark - p.log_start;
            return <tr><td class="num">{p.id}</td><td class="num">{exact(p.log_start)}</td><td class="num">{exact(p.high_watermark)}</td><td class="num">{exact(records)}</td>
              <td><span class="bar"><i style={{ width: `${(records / largest) * 100}%` }} /></span></td><td class="num">{bytes(p.size_bytes)}</td></tr>;
          })}
        </tbody>
      </table>
    </Card>
  );
}

function Settings(props: { topic: TopicDetails; reload: () => void }) {
  const [editing, setEditing] = useState<string | null>(null);
  const [value, setValue] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const save = async (name: string, to: string | null) => {
    try {
      await call('PATCH', `/api/v1/topics/${encodeURIComponent(props.topic.name)}`, { config: { [name]: to } });
      setEditing(null);
      setError(null);
      props.reload();
    } catch (cause) { setError(toError(cause)); }
  };
  const sorted = [...props.topic.config_all].sort((a, b) => Number(b.source === 'topic') - Number(a.source === 'topic'));
  return (
    <Card>
      <ErrorBox error={error} />
      <table class="grid settings">
        <thead><tr><th>Setting</th><th>Value</th><th>Meaning</th></tr></thead>
        <tbody>
          {sorted.map((entry) => (
            <tr key={entry.name} class={entry.honoured ? '' : 'dim'}>
              <td><code>{entry.name}</code></td>
              <td class="value">
                {editing === entry.name ? (
                  <form class="inline" onSubmit={(e) => { e.preventDefault(); void save(entry.name, value); }}>
                    <input value={value} onInput={(e) => setValue(e.currentTarget.value)} autofocus spellcheck={false} aria-label={entry.name} />
                    <button type="submit" class="primary">Save</button>
                    <button type="button" class="quiet" onClick={() => { setEditing(null); setError(null); }}>Cancel</button>
                  </form>
                ) : (
                  <>
                    <button type="button" class="link" title="Change" onClick={() => { setEditing(entry.name); setValue(entry.value); }}>{entry.value || '–'}</button>
                    {entry.source === 'topic' && <button type="button" class="quiet small" onClick={() => void save(entry.name, null)}>reset</button>}
                  </>
                )}
              </td>
              <td class="soft">{entry.documentation}{!entry.honoured && ' (without effect on one node)'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

export function Topic(props: { name: string; tab: string }) {
  const live = useLive();
  const url = `/api/v1/topics/${encodeURIComponent(props.name)}`;
  const { data: topic, error, reload } = useFetch<TopicDetails>(url, 1000);
  const [deleting, setDeleting] = useState(false);
  const [confirmed, setConfirmed] = useState('');
  const [failed, setFailed] = useState<ApiError | null>(null);
  const remove = async (event: Event) => {
    event.preventDefault();
    try {
      await call('DELETE', url);
      if (path()[1] === props.name) go('topics');  // not from a page that was opened meanwhile
    } catch (cause) { setFailed(toError(cause)); }
  };
  const sample = live.snapshot?.topics.find((t) => t.name === props.name);
  const tabs = [
    { id: 'messages', label: 'Messages', href: link('topics', props.name) },
    { id: 'partitions', label: 'Partitions', href: link('topics', props.name, 'partitions') },
    { id: 'settings', label: 'Settings', href: link('topics', props.name, 'settings') },
  ];
  return (
    <Page title={<><a class="up" href={link('topics')}>Topics</a>{props.name}</>}
      actions={topic && <button type="button" class="quiet danger" onClick={() => { setConfirmed(''); setDeleting(true); }}>Delete…</button>}>
      <Dialog open={deleting} title={`Delete ${props.name}?`} onClose={() => setDeleting(false)}>
        <form onSubmit={remove}>
          <p>All {topic ? plural(topic.records, 'record') : 'records'} are lost for good. Type the topic's name to confirm.</p>
          <label>Name<input value={confirmed} onInput={(e) => setConfirmed(e.currentTarget.value)} autofocus spellcheck={false} /></label>
          <ErrorBox error={failed} />
          <footer><button type="button" class="quiet" onClick={() => setDeleting(false)}>Cancel</button><button type="submit" class="primary danger" disabled={confirmed !== props.name}>Delete</button></footer>
        </form>
      </Dialog>
      <ErrorBox error={error} />
      {!topic ? !error && <Loading /> : (
        <>
          <div class="stats tight">
            <Stat label="In" value={`${perSecond(sample?.rates.records_in ?? 0)}`} note={bytesPerSecond(sample?.rates.bytes_in ?? 0)} />
            <Stat label="Records" value={count(topic.records)} note={exact(topic.records)} />
            <Stat label="Size" value={bytes(topic.size_bytes)} note={topic.records > 0 ? `${bytes(topic.size_bytes / topic.records)} a record` : 'empty'} />
            <Stat label="Partitions" value={topic.partition_count} note={topic.config['cleanup.policy'] === 'compact' ? 'compacted' : 'kept by time and size'} />
          </div>
          <TopicRates topic={topic} />
          <Tabs tabs={tabs} current={props.tab} />
          {props.tab === 'partitions' ? <Partitions topic={topic} /> : props.tab === 'settings' ? <Settings topic={topic} reload={reload} /> : <Messages key={topic.id} topic={topic} />}
        </>
      )}
    </Page>
  );
}
