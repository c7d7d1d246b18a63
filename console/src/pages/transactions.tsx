import { call, toError, type ApiError, type Transaction } from '../api';
import { useState } from 'preact/hooks';
import { dateTime, duration, plural } from '../format';
import { useFetch } from '../hooks';
import { link } from '../router';
import { Card, Empty, ErrorBox, Loading, Page, State } from '../ui';

function Places(props: { transaction: Transaction }) {
  const { partitions, groups } = props.transaction;
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  return (
    <>
      {[...topics].map(([topic, ids]) => <div><a href={link('topics', topic)}>{topic}</a> <span class="soft">{ids.length > 8 ? plural(ids.length, 'partition') : ids.join(', ')}</span></div>)}
      {groups.map((group) => <div class="soft">offsets of <a href={link('groups', group)}>{group}</a></div>)}
    </>
  );
}

export function Transactions() {
  const [all, setAll] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const { data, error } = useFetch<{ transactions: Transaction[] }>(`/api/v1/transactions${all ? '?all=true' : ''}`, 2000);
  const abort = async (id: string) => {
    if (!confirm(`Abort the open transaction of ${id}? What it wrote stays invisible, and its producer has to start again.`)) return;
    try {
      await call('POST', `/api/v1/transactions/${encodeURIComponent(id)}/abort`);
      setFailed(null);
    } catch (cause) { setFailed(toError(cause)); }
  };
  return (
    <Page title="Transactions" lead="Readers of committed records wait for the oldest transaction that is open in a partition."
      actions={<label class="check"><input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> also ended ones</label>}>
      <ErrorBox error={failed ?? error} />
      {!data ? !error && <Loading /> : data.transactions.length === 0 ? (
        <Card><Empty title="No open transactions"><p>Producers with a <code>transactional.id</code> show up here while they write.</p></Empty></Card>
      ) : (
        <Card>
          <table class="grid">
            <thead><tr><th>Transactional id</th><th>State</th><th class="num">Age</th><th class="num">Timeout</th><th class="num">Producer</th><th class="num">Epoch</th><th>Writes to</th><th /></tr></thead>
            <tbody>{data.transactions.map((t) => (
              <tr key={t.id}><td>{t.id}</td><td><State state={t.state} /></td>
                <td class="num" title={t.open ? `since ${dateTime(t.started_at_ms!)}` : `last change ${dateTime(t.updated_at_ms)}`}>{t.open ? duration(t.age_ms!) : '–'}</td>
                <td class="num">{duration(t.timeout_ms)}</td><td class="num">{t.producer_id}</td><td class="num">{t.producer_epoch}</td><td><Places transaction={t} /></td>
                <td class="num">{t.open && <button type="button" class="quiet danger" onClick={() => void abort(t.id)}>Abort</button>}</td></tr>
            ))}</tbody>
          </table>
        </Card>
      )}
    </Page>
  );
}
