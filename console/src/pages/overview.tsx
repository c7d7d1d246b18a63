import { Legend, Throughput } from '../chart';
import { bytes, bytesPerSecond, count, duration, perSecond, plural } from '../format';
import { shortName } from '../graph';
import { topicRates, useLive } from '../live';
import { link } from '../router';
import { Card, Command, Empty, Loading, Meter, Page, Sparkline, Stat, State } from '../ui';

export function Overview() {
  const live = useLive();
  if (!live.snapshot) return <Page title="Overview"><Loading /></Page>;
  const { node, topics, jobs } = live.snapshot;
  const shown = topics.filter((topic) => !topic.internal).sort((a, b) => b.rates.records_in - a.rates.records_in || b.records - a.records);
  const { memory } = node;
  return (
    <Page title="Overview" lead={<>Kafka at <code>{node.kafka_address}</code>, data in <code>{node.data_dir}</code></>}>
      <div class="stats">
        <Stat label="In" value={bytesPerSecond(node.rates.bytes_in)} note={`${perSecond(node.rates.records_in)} records`} />
        {node.rates.bytes_out !== undefined && <Stat label="Out" value={bytesPerSecond(node.rates.bytes_out)} note="to consumers" />}
        <Stat label="Memory" value={bytes(memory.rss_bytes)}
          note={memory.limit_bytes > 0 ? <><Meter ratio={memory.rss_bytes / memory.limit_bytes} label="Share of the memory in use" /> of {bytes(memory.limit_bytes)}</> : 'resident'} />
        <Stat label="Disk" value={bytes(topics.reduce((sum, topic) => sum + topic.size_bytes, 0))} note={`${bytes(node.disk_free_bytes)} free`} />
        <Stat label="Up for" value={duration(node.uptime_ms)} note={`version ${node.version}`} />
      </div>
      <Card title="Throughput" aside={<Legend lines={[{ label: 'in' }, ...(node.rates.bytes_out !== undefined ? [{ label: 'out' }] : [])]} />}>
        <Throughput live={live} />
      </Card>
      <div class="columns">
        <Card title="Topics" aside={<a href={link('topics')}>all {shown.length}</a>}>
          {shown.length === 0 ? (
            <Empty title="No topics yet">
              <p>A topic appears with its first event. Send one with a Kafka client:</p>
              <Command>{`echo '{"user":"ada"}' | kcat -b ${node.kafka_address} -t clicks -P`}</Command>
              <p>or with nothing but HTTP:</p>
              <Command>{`curl -d '{"user":"ada"}' ${location.origin}/v1/topics/clicks/events`}</Command>
            </Empty>
          ) : (
            <table class="list"><tbody>
              {shown.slice(0, 8).map((topic) => (
                <tr><td><a href={link('topics', topic.name)}>{topic.name}</a></td><td class="spark-cell"><Sparkline points={topicRates(topic.name)} /></td>
                  <td class="num">{perSecond(topic.rates.records_in)}</td><td class="num soft">{count(topic.records)}</td></tr>
              ))}
            </tbody></table>
          )}
        </Card>
        <Card title="Jobs" aside={<a href={link('jobs')}>all {jobs.length}</a>}>
          {jobs.length === 0 ? (
            <Empty title="No jobs yet">
              <p>A job is an <code>INSERT INTO … SELECT</code> that runs until you stop it.</p>
              <p><a href={link('sql')}>Write one on the SQL page</a>, or submit a file:</p>
              <Command>mainstem job submit pipeline.sql</Command>
            </Empty>
          ) : (
            <table class="list"><tbody>
              {jobs.slice(0, 8).map((job) => (
                <tr><td class="rest"><a href={link('jobs', job.id)}>{shortName(job.name)}</a>{job.error && <div class="soft clip">{job.error}</div>}</td><td class="right"><State state={job.state} /></td></tr>
              ))}
            </tbody></table>
          )}
        </Card>
      </div>
      <p class="foot soft">{plural(node.topic_count, 'topic')}, {plural(node.job_count, 'job')}. In counts what producers and jobs write into topics, not the node's internal topics. Written events are described at <a href="/docs/api">Events over HTTP</a>; metrics for Prometheus at <a href="/metrics">/metrics</a>.</p>
    </Page>
  );
}
