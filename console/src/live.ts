// One live stream for the whole page: the latest snapshot and two minutes of history.
import { useEffect, useState } from 'preact/hooks';
import type { Snapshot } from './api';

const KEPT = 120;
export interface Live {
  snapshot: Snapshot | null;
  connected: boolean;
  times: number[];                        // seconds since 1970, one for each sample
  bytesIn: number[]; bytesOut: number[]; recordsIn: number[];
  topics: Map<string, number[]>;          // records in per second, by topic
}
const live: Live = { snapshot: null, connected: false, times: [], bytesIn: [], bytesOut: [], recordsIn: [], topics: new Map() };
const listeners = new Set<() => void>();

function push(list: number[], value: number): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

function take(snapshot: Snapshot): void {
  live.snapshot = snapshot;
  live.connected = true;
  push(live.times, snapshot.node.now_ms / 1000);
  push(live.bytesIn, snapshot.node.rates.bytes_in);
  push(live.bytesOut, snapshot.node.rates.bytes_out ?? 0);
  push(live.recordsIn, snapshot.node.rates.records_in);
  const names = new Set(snapshot.topics.map((topic) => topic.name));
  for (const name of live.topics.keys()) if (!names.has(name)) live.topics.delete(name);
  for (const topic of snapshot.topics) {
    if (!live.topics.has(topic.name)) live.topics.set(topic.name, []);
    push(live.topics.get(topic.name)!, topic.rates.records_in);
  }
}

export function startLive(): void {
  const source = new EventSource('/api/v1/live');
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
