import { call, toError, type ApiError, type Group, type GroupDetails } from '../api';
import { useState } from 'preact/hooks';
import { count, exact } from '../format';
import { useFetch } from '../hooks';
import { useLive } from '../live';
import { go, link } from '../router';
import { Card, Command, Empty, ErrorBox, Loading, Page, Stat, State } from '../ui';

export function Groups() {
  const live = useLive();
  const { data, error } = useFetch<{ groups: Group[] }>('/api/v1/groups', 2000);
  const most = Math.max(1, ...(data?.groups ?? []).map((group) => group.lag));
  return (
    <Page title="Groups" lead="Consumers that share the reading of topics; the log keeps how far each group has come.">
      <ErrorBox error={error} />
      {!data ? !error && <Loading /> : data.groups.length === 0 ? (
        <Card><Empty title="No consumer groups yet">
          <p>A group appears when its first consumer joins:</p>
          <Command>{`kcat -b ${live.snapshot?.node.kafka_address ?? '127.0.0.1:9092'} -G my-group clicks`}</Command>
        </Empty></Card>
      ) : (
        <Card>
          <table class="grid">
            <thead><tr><th>Group</th><th>State</th><th>Assignment</th><th class="num">Members</th><th class="num">Lag</th><th /></tr></thead>
            <tbody>{data.groups.map((group) => (
              <tr key={group.id}><td><a href={link('groups', group.id)}>{group.id}</a></td><td><State state={group.state} /></td><td class="soft">{group.protocol || '–'}</td>
                <td class="num">{group.member_count}</td><td class="num" title={exact(group.lag)}>{count(group.lag)}</td><td><span class="bar"><i style={{ width: `${(group.lag / most) * 100}%` }} /></span></td></tr>
            ))}</tbody>
          </table>
        </Card>
      )}
    </Page>
  );
}

export function GroupPage(props: { id: string }) {
  const url = `/api/v1/groups/${encodeURIComponent(props.id)}`;
  const { data: group, error } = useFetch<GroupDetails>(url, 2000);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const remove = async () => {
    if (!confirm(`Forget the group ${props.id} and its offsets?`)) return;
    try {
      await call('DELETE', url);
      go('groups');
    } catch (cause) { setFailed(toError(cause)); }
  };
  return (
    <Page title={<><a class="up" href={link('groups')}>Groups</a>{props.id} {group && <State state={group.state} />}</>}
      actions={group && group.member_count === 0 && <button type="button" class="quiet danger" onClick={() => void remove()}>Delete</button>}>
      <ErrorBox error={failed ?? error} />
      {!group ? !error && <Loading /> : (
        <>
          <div class="stats tight"><Stat label="Lag" value={count(group.lag)} note="records not yet read" /><Stat label="Members" value={group.member_count} note={group.protocol || 'nobody is reading'} /></div>
          <Card title="Offsets">
            {group.offsets.length === 0 ? <p class="soft">Nothing has been committed yet.</p> : (
              <table class="grid">
                <thead><tr><th>Topic</th><th class="num">Partition</th><th class="num">Committed</th><th class="num">End</th><th class="num">Lag</th></tr></thead>
                <tbody>{group.offsets.map((o) => <tr><td><a href={link('topics', o.topic)}>{o.topic}</a></td><td class="num">{o.partition}</td><td class="num">{exact(o.committed)}</td><td class="num">{exact(o.high_watermark)}</td><td class="num">{exact(o.lag)}</td></tr>)}</tbody>
              </table>
            )}
          </Card>
          {group.members.length > 0 && (
            <Card title="Members">
              <table class="grid">
                <thead><tr><th>Client</th><th>Host</th><th>Reads</th></tr></thead>
                <tbody>{group.members.map((m) => <tr><td>{m.client_id}<div class="soft mono clip">{m.id}</div></td><td class="soft">{m.host}</td><td class="mono">{m.assignment.map((a) => `${a.topic}/${a.partition}`).join(', ') || '–'}</td></tr>)}</tbody>
              </table>
            </Card>
          )}
        </>
      )}
    </Page>
  );
}
