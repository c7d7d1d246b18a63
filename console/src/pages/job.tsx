import { useState } from 'preact/hooks';
import { ApiError, call, toError, type JobDetails, type Operator } from '../api';
import { ago, bytes, bytesPerSecond, dateTime, duration, exact, percent, perSecond } from '../format';
import { chains, Graph, shortName } from '../graph';
import { useFetch } from '../hooks';
import { useLive } from '../live';
import { go, link } from '../router';
import { Sql } from '../sqltext';
import { Card, ErrorBox, Loading, Meter, Page, Stat, State } from '../ui';

const ENDED = new Set(['FINISHED', 'STOPPED', 'CANCELLED', 'FAILED']);

function Details(props: { operators: Operator[]; selected: number | null }) {
  const chain = chains(props.operators).find((c) => c.id === props.selected);
  if (!chain) return null;
  const facts: [string, string][] = [
    ['Watermark', chain.watermark_ms === null ? 'none yet' : dateTime(chain.watermark_ms)], ['Working', percent(chain.busy_ratio)], ['Back-pressured', percent(chain.backpressured_ratio)],
    ['Parallel', `×${chain.parallelism}`], ['Late rows', exact(chain.late_rows)], ['Rejected rows', exact(chain.rejected_rows)],
    ...(chain.lag_records >= 0 ? [['Unread records', exact(chain.lag_records)] as [string, string]] : []),
    ...(chain.inputs.length === 0 ? [['Bytes in', bytesPerSecond(chain.bytes_in_per_second)] as [string, string]] : []),
  ];
  return (
    <div class="operator">
      <h3>{chain.name}</h3>
      <dl class="facts">{facts.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <table class="grid steps">
        <thead><tr><th>Step</th><th>Does</th><th class="num">Rows in</th><th class="num">Rows out</th><th class="num">State</th></tr></thead>
        <tbody>{chain.parts.map((op) => (
          <tr><td>{shortName(op.name)}</td><td class="mono soft">{op.detail}</td><td class="num" title={perSecond(op.rows_in_per_second)}>{exact(op.rows_in)}</td><td class="num" title={perSecond(op.rows_out_per_second)}>{exact(op.rows_out)}</td>
            <td class="num">{op.state_entries > 0 ? `${exact(op.state_entries)}, ${bytes(op.state_bytes)}` : '–'}</td></tr>
        ))}</tbody>
      </table>
    </div>
  );
}

export function Job(props: { id: string }) {
  const live = useLive();
  const url = `/api/v1/jobs/${encodeURIComponent(props.id)}`;
  const { data: job, error, reload } = useFetch<JobDetails>(url, 1000);
  const [selected, select] = useState<number | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const now = live.snapshot?.node.now_ms ?? Date.now();
  const act = async (verb: string) => {
    try {
      if (verb === 'delete') {
        await call('DELETE', url);
        go('jobs');
      } else {
        await call('POST', `${url}/${verb}`);
      }
      setFailed(null);
      reload();
    } catch (cause) { setFailed(toError(cause)); }
  };
  const ended = job ? ENDED.has(job.state) : false;
  return (
    <Page title={<><a class="up" href={link('jobs')}>Jobs</a>{job ? shortName(job.name) : props.id} {job && <State state={job.state} />}</>}
      actions={job && <>
        {!ended && <button type="button" disabled={job.savepoint.in_progress} onClick={() => void act('savepoints')} title="Leaves a copy of the state, from which another job can go on">{job.savepoint.in_progress ? 'Taking a savepoint …' : 'Savepoint'}</button>}
        {!ended && <button type="button" onClick={() => void act('stop')} title="Takes a checkpoint, then ends">Stop</button>}
        {job.state === 'STOPPED' && <button type="button" class="primary" onClick={() => void act('resume')}>Resume</button>}
        {!ended && <button type="button" class="quiet danger" onClick={() => { if (confirm('Cancel for good? What is not delivered is dropped.')) void act('cancel'); }}>Cancel</button>}
        {ended && <button type="button" class="quiet danger" onClick={() => { if (confirm('Forget this job and its checkpoints?')) void act('delete'); }}>Delete</button>}
      </>}>
      <ErrorBox error={failed ?? error} />
      {!job ? !error && <Loading /> : (
        <>
          {job.error && <ErrorBox error={new ApiError(job.state.toLowerCase(), job.error)} />}
          <div class="stats tight">
            <Stat label="Checkpoint" value={job.checkpoint.id > 0 ? `#${exact(job.checkpoint.id)}` : '–'} note={job.checkpoint.id > 0 ? `${ago(job.checkpoint.completed_at_ms, now)}, took ${duration(job.checkpoint.duration_ms)}` : 'none yet'} />
            <Stat label="Restarts" value={job.restart_count} note={job.checkpoint.failed_count > 0 ? `${job.checkpoint.failed_count} checkpoints failed` : 'all checkpoints complete'} />
            <Stat label="Parallel" value={`×${job.parallelism}`} note={job.bounded ? 'bounded input' : 'endless input'} />
            {job.progress.ratio !== null ? <Stat label="Progress" value={percent(job.progress.ratio)} note={<><Meter ratio={job.progress.ratio} label="Progress" good /> {job.progress.eta_ms ? `${duration(job.progress.eta_ms)} left` : ''}</>} />
              : <Stat label="Running for" value={job.started_at_ms ? duration((job.finished_at_ms || now) - job.started_at_ms) : '–'} note={dateTime(job.started_at_ms)} />}
          </div>
          {job.savepoint.path && <p class="soft">Savepoint {ago(job.savepoint.completed_at_ms, now)}: <code>{job.savepoint.path}</code></p>}
          {job.savepoint.error && <ErrorBox error={new ApiError('savepoint', job.savepoint.error)} />}
          <Card title="Operators" aside={<span class="soft">click a box for its details</span>}>
            {job.operators.length === 0 ? <p class="soft">The job has not been planned yet.</p> : <Graph operators={job.operators} now={now} selected={selected} onSelect={select} />}
            <Details operators={job.operators} selected={selected} />
          </Card>
          {job.sinks.length > 0 && (
            <Card title="Delivery">
              <table class="grid">
                <thead><tr><th>Sink</th><th>Promise</th><th class="num">Rows delivered</th><th class="num">Behind</th><th>State</th></tr></thead>
                <tbody>
                  {job.sinks.map((sink) => (
                    <tr><td>{shortName(sink.name)} <span class="tag">{sink.connector}</span></td><td class="soft">{sink.guarantee}</td><td class="num">{exact(sink.rows_delivered)}</td><td class="num">{exact(sink.lag_records)}</td>
                      <td>{sink.last_error ? <><State state={sink.state} /><div class="soft clip">{sink.last_error}</div></> : <State state={ended ? job.state : 'running'} />}{sink.retry_count > 0 && <small class="soft"> {sink.retry_count} retries</small>}{sink.rejected_rows > 0 && <small> <a href={`#/topics/__mainstem.quarantine.${job.id}`}>{exact(sink.rejected_rows)} refused</a></small>}</td></tr>
                  ))}
                </tbody>
              </table>
            </Card>
          )}
          <Card title="Statement"><Sql text={job.statement} /></Card>
        </>
      )}
    </Page>
  );
}
