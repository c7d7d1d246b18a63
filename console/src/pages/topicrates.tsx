// A topic drawn live: the records that come in each second, partition by partition.
import { useEffect, useRef } from 'preact/hooks';
import type { TopicDetails } from '../api';
import { Legend, LINE_COLOURS, Lines, type Line } from '../chart';
import { perSecond, plural } from '../format';
import { Card } from '../ui';

const SECONDS = 120;
interface Sample { time: number; ends: Map<number, number> }  // ends: high watermarks

// Records per second between each two samples; the busiest partitions have lines of their own, the others share one.
export function ratesOf(samples: Sample[]): { times: number[]; lines: Line[] } {
  const first = samples[0], last = samples[samples.length - 1];
  if (!first || !last || samples.length < 2) return { times: [], lines: [] };
  const came = (id: number) => (last.ends.get(id) ?? 0) - (first.ends.get(id) ?? last.ends.get(id) ?? 0);
  const ids = [...last.ends.keys()];
  const own = ids.length <= LINE_COLOURS.length ? ids : [...ids].sort((a, b) => came(b) - came(a) || a - b).slice(0, LINE_COLOURS.length - 1).sort((a, b) => a - b);
  const others = ids.filter((id) => !own.includes(id));
  const rate = (i: number, of: number[]) => {
    const before = samples[i - 1]!, now = samples[i]!;
    const records = of.reduce((sum, id) => sum + Math.max(0, (now.ends.get(id) ?? 0) - (before.ends.get(id) ?? now.ends.get(id) ?? 0)), 0);
    return records / (now.time - before.time);
  };
  const steps = Array.from({ length: samples.length - 1 }, (_, i) => i + 1);
  const line = (label: string, of: number[]): Line => ({ label, values: steps.map((i) => rate(i, of)) });
  return {
    times: steps.map((i) => samples[i]!.time),
    lines: [...own.map((id) => line(`partition ${id}`, [id])), ...(others.length > 0 ? [line(`${others.length} others`, others)] : [])],
  };
}

export function TopicRates(props: { topic: TopicDetails }) {
  const samples = useRef<Sample[]>([]);
  const { topic } = props;
  const taken = useRef<TopicDetails | null>(null);
  if (taken.current !== topic) {  // once for each answer, before it is drawn
    if (taken.current?.id !== topic.id) samples.current = [];
    taken.current = topic;
    const time = Date.now() / 1000, last = samples.current[samples.current.length - 1];
    if (!last || time - last.time > 0.2) samples.current.push({ time, ends: new Map(topic.partitions.map((p) => [p.id, p.high_watermark])) });
    samples.current = samples.current.filter((sample) => sample.time > time - SECONDS - 2);
  }
  useEffect(() => () => { samples.current = []; }, []);
  const { times, lines } = ratesOf(samples.current);
  const latest = (line: Line) => perSecond(line.values[line.values.length - 1] ?? 0);
  return (
    <Card title="Coming in" aside={<Legend lines={lines.map((line) => ({ label: line.label, note: latest(line) }))} />}>
      <Lines label={`Records per second into ${plural(topic.partition_count, 'partition')} of ${topic.name}, the last two minutes`} times={times} lines={lines} height={130} format={(value) => perSecond(value)} least={1} seconds={SECONDS} fromZero filled={lines.length === 1} />
    </Card>
  );
}
