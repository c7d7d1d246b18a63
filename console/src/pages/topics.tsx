import { useState } from 'preact/hooks';
import { ApiError, call, toError } from '../api';
import { bytes, count, exact, perSecond } from '../format';
import { topicRates, useLive } from '../live';
import { go, link } from '../router';
import { Card, Command, Dialog, Empty, ErrorBox, Loading, Page, Sparkline } from '../ui';

function CreateTopic(props: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState('');
  const [partitions, setPartitions] = useState('1');
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await call('POST', '/api/v1/topics', { name, partitions: Number(partitions) });
      props.onClose();
      go('topics', name);
    } catch (cause) { setError(toError(cause)); }
  };
  return (
    <Dialog open={props.open} title="New topic" onClose={props.onClose}>
      <form onSubmit={submit}>
        <label>Name<input value={name} onInput={(e) => setName(e.currentTarget.value)} pattern="[A-Za-z0-9._\-]+" required autofocus spellcheck={false} /></label>
        <label>Partitions<input type="number" min="1" max="10000" value={partitions} onInput={(e) => setPartitions(e.currentTarget.value)} /></label>
        <p class="soft">A key always goes to the same partition; order is kept within one.</p>
        <ErrorBox error={error} />
        <footer><button type="button" class="quiet" onClick={props.onClose}>Cancel</button><button type="submit" class="primary">Create</button></footer>
      </form>
    </Dialog>
  );
}

export function Topics() {
  const live = useLive();
  const [filter, setFilter] = useState('');
  const [internal, setInternal] = useState(false);
  const [creating, setCreating] = useState(false);
  const all = live.snapshot?.topics ?? [];
  const shown = all.filter((t) => (internal || !t.internal) && t.name.toLowerCase().includes(filter.toLowerCase()));
  const hidden = all.filter((t) => t.internal).length;
  return (
    <Page title="Topics" lead="What every door writes and every reader reads: an ordered, durable log."
      actions={<button type="button" class="primary" onClick={() => setCreating(true)}>New topic</button>}>
      <CreateTopic open={creating} onClose={() => setCreating(false)} />
      {!live.snapshot ? <Loading /> : all.length === hidden && !internal ? (
        <Card><Empty title="No topics yet">
          <p>Create one here, or let the first event do it:</p>
          <Command>{`echo 'hello' | kcat -b ${live.snapshot.node.kafka_address} -t hello -P`}</Command>
          <Command>{`mainstem produce hello < events.jsonl`}</Command>
        </Empty></Card>
      ) : (
        <Card>
          <div class="toolbar">
            <input type="search" class="search" placeholder="Filter topics  /" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} aria-label="Filter topics" />
            {hidden > 0 && <label class="check"><input type="checkbox" checked={internal} onChange={(e) => setInternal(e.currentTarget.checked)} /> show {hidden} internal</label>}
          </div>
          <table class="grid">
            <thead><tr><th>Topic</th><th>Last ten minutes</th><th class="num">Records/s</th><th class="num">Records</th><th class="num">Size</th><th class="num">Partitions</th></tr></thead>
            <tbody>
              {shown.map((topic) => (
                <tr key={topic.id}>
                  <td><a href={link('topics', topic.name)}>{topic.name}</a>{topic.internal && <span class="tag">internal</span>}</td>
                  <td class="spark-cell"><Sparkline points={topicRates(topic.name)} /></td>
                  <td class="num">{perSecond(topic.rates.records_in)}</td>
                  <td class="num" title={exact(topic.records)}>{count(topic.records)}</td>
                  <td class="num">{bytes(topic.size_bytes)}</td>
                  <td class="num">{topic.partition_count}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {shown.length === 0 && <p class="soft">No topic's name holds “{filter}”.</p>}
        </Card>
      )}
    </Page>
  );
}
