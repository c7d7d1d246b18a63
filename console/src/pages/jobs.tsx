import { ago, dateTime, duration } from '../format';
import { shortName } from '../graph';
import { useLive } from '../live';
import { link } from '../router';
import { Card, Command, Empty, Loading, Meter, Page, State } from '../ui';

export function Jobs() {
  const live = useLive();
  const jobs = live.snapshot?.jobs ?? [];
  const now = live.snapshot?.node.now_ms ?? 0;
  return (
    <Page title="Jobs" lead="Queries that run until they are stopped, and go on where they were after a crash." actions={<a class="button primary" href={link('sql')}>New query</a>}>
      {!live.snapshot ? <Loading /> : jobs.length === 0 ? (
        <Card><Empty title="No jobs yet">
          <p>Write an <code>INSERT INTO … SELECT</code> on the <a href={link('sql')}>SQL page</a>, or submit a file:</p>
          <Command>mainstem job submit pipeline.sql</Command>
          <p>The same file runs on Apache Flink.</p>
        </Empty></Card>
      ) : (
        <Card>
          <table class="grid">
            <thead><tr><th>Job</th><th>State</th><th>Progress</th><th>Checkpoint</th><th class="num">Restarts</th><th>Started</th></tr></thead>
            <tbody>
              {jobs.map((job) => (
                <tr key={job.id}>
                  <td class="rest"><a href={link('jobs', job.id)}>{shortName(job.name)}</a><div class="soft clip mono">{job.error || job.statement.replace(/\s+/g, ' ')}</div></td>
                  <td><State state={job.state} /></td>
                  <td>{job.progress.ratio === null ? <span class="soft">{job.bounded ? '–' : 'endless'}</span> : <><Meter ratio={job.progress.ratio} label="Progress" good /> {Math.round(job.progress.ratio * 100)}%{job.progress.eta_ms ? <span class="soft"> · {duration(job.progress.eta_ms)} left</span> : null}</>}</td>
                  <td class="keep">{job.checkpoint.id > 0 ? <>#{job.checkpoint.id} <span class="soft">{ago(job.checkpoint.completed_at_ms, now)}</span></> : <span class="soft">none yet</span>}</td>
                  <td class="num">{job.restart_count}</td>
                  <td class="soft keep">{dateTime(job.started_at_ms || job.created_at_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Card>
      )}
    </Page>
  );
}
