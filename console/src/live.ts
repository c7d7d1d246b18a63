// One live stream for the whole page: the latest snapshot, and what went on in the last ten minutes.
import { useEffect, useState } from 'preact/hooks';
import { call, type History, type Snapshot } from './api';

export const HISTORY_SECONDS = 600;
// Rates per second at one moment.
export interface Sample {
  time: number;                           // seconds since 1970
  bytesIn: number; bytesOut: number; recordsIn: number;
  topics: Map<string, number>;            // records in, of topics that had some
}
export interface Live { snapshot: Snapshot | null; connected: boolean; samples: Sample[] }
const live: Live = { snapshot: null, connected: false, samples: [] };
const listeners = new Set<() => void>();

function samplesOf(history: History): Sample[] {
  const topics = Object.entries(history.topics);
  return history.times_ms.map((time, i) => ({
    time: time / 1000, bytesIn: history.bytes_in[i]!, bytesOut: history.bytes_out[i]!, recordsIn: history.records_in[i]!,
    topics: new Map(topics.map(([name, rates]) => [name, rates[i]!])),
  }));
}

function take(snapshot: Snapshot): void {
  live.snapshot = snapshot;
  live.connected = true;
  const { now_ms, rates } = snapshot.node;
  const time = now_ms / 1000;
  const busy = snapshot.topics.filter((topic) => topic.rates.records_in > 0);
  live.samples.push({ time, bytesIn: rates.bytes_in, bytesOut: rates.bytes_out ?? 0, recordsIn: rates.records_in, topics: new Map(busy.map((topic) => [topic.name, topic.rates.records_in])) });
  live.samples = live.samples.filter((sample) => sample.time > time - HISTORY_SECONDS);
}

// Records per second into a topic over the time, as [seconds, rate].
export function topicRates(name: string): [number, number][] {
  return live.samples.map((sample) => [sample.time, sample.topics.get(name) ?? 0]);
}

// The node has seen what this page has not: before it was opened, or during a break. Without it the charts begin now.
async function takeHistory(): Promise<void> {
  const history = await call<History>('GET', '/api/v1/history').catch(() => null);
  if (history) live.samples = samplesOf(history);
}

export function startLive(): void {
  const source = new EventSource('/api/v1/live');
  source.onopen = () => void takeHistory();
  source.onmessage = (event) => { take(JSON.parse(event.data)); listeners.forEach((notify) => notify()); };
  source.onerror = () => {
    live.connected = false;
    listeners.forEach((notify) => notify());
    // The browser comes back by itself, unless the answer was no stream at all.
    if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(startLive, 2000); }
  };
}

export function useLive(): Live {
  const [, redraw] = useState(0);
  useEffect(() => {
    const notify = () => redraw((n) => n + 1);
    listeners.add(notify);
    return () => { listeners.delete(notify); };
  }, []);
  return live;
}
