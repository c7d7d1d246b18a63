// A number out of the messages of a topic, drawn as they come.
import { useState } from 'preact/hooks';
import type { RecordRow } from '../api';
import { Lines } from '../chart';
import { count } from '../format';

const DEPTH = 4, FIELDS = 60;
export const LAST = [50, 200, 1000];
export type Numbers = Record<string, number>;

// The numbers in a JSON object, by path; what stands in arrays is left out.
export function numbersOf(text: string | null): Numbers {
  const found: Numbers = {};
  let left = FIELDS;
  const walk = (value: unknown, path: string, depth: number) => {
    if (left === 0) return;
    if (typeof value === 'number') {
      found[path] = value;
      left--;
    } else if (value !== null && typeof value === 'object' && !Array.isArray(value) && depth < DEPTH) {
      for (const [name, member] of Object.entries(value)) walk(member, path ? `${path}.${name}` : name, depth + 1);
    }
  };
  try { walk(JSON.parse(text ?? ''), '', 0); } catch { return {}; }
  return found;
}

// One answer for each record that stays in the list.
const known = new WeakMap<RecordRow, Numbers>();
function numbers(record: RecordRow): Numbers {
  const kept = known.get(record);
  if (kept) return kept;
  const made = record.value_kind === 'json' && !record.cut ? numbersOf(record.value) : {};
  known.set(record, made);
  return made;
}

const number = (value: number) => (Math.abs(value) >= 10_000 ? count(value) : value.toLocaleString('en', { maximumFractionDigits: 3 }));

// `records`: the newest first.
export function FieldChart(props: { records: RecordRow[] }) {
  const [chosen, choose] = useState<string | null>(null);
  const [last, setLast] = useState(LAST[1]!);
  const often = new Map<string, number>();
  for (const record of props.records) for (const name of Object.keys(numbers(record))) often.set(name, (often.get(name) ?? 0) + 1);
  if (chosen !== null && !often.has(chosen)) often.set(chosen, 0);
  const names = [...often.keys()].sort((a, b) => often.get(b)! - often.get(a)! || a.localeCompare(b));
  if (names.length === 0) return null;
  // Unless one is chosen: the first that most messages have and that is not the same in all.
  const varies = (name: string) => new Set(props.records.flatMap((record) => numbers(record)[name] ?? [])).size > 1;
  const field = chosen ?? names.find((name) => often.get(name)! * 2 > props.records.length && varies(name)) ?? names[0]!;
  const points = props.records.filter((record) => field in numbers(record)).slice(0, last)
    .map((record) => ({ time: record.timestamp_ms / 1000, value: numbers(record)[field]! })).sort((a, b) => a.time - b.time);
  const values = points.map((point) => point.value);
  const [low, high, sum] = values.reduce(([low, high, sum], value) => [Math.min(low, value), Math.max(high, value), sum + value], [Infinity, -Infinity, 0] as [number, number, number]);
  return (
    <div class="field-chart">
      <div class="toolbar">
        <label>Draw <select value={field} onChange={(e) => choose(e.currentTarget.value)} aria-label="Field to draw">{names.map((name) => <option value={name}>{name || 'the value'}</option>)}</select></label>
        <label>of the last <select value={String(last)} onChange={(e) => setLast(Number(e.currentTarget.value))} aria-label="How many messages">{LAST.map((n) => <option value={String(n)}>{n}</option>)}</select> messages</label>
        <span class="spacer" />
        {values.length > 0 && <span class="soft num">lowest {number(low)} · mean {number(sum / values.length)} · highest {number(high)} · latest {number(values[values.length - 1]!)}</span>}
      </div>
      <Lines label={`${field || 'the value'} of ${values.length} messages`} times={points.map((point) => point.time)} lines={[{ label: field, values }]} height={170} format={number} dots />
    </div>
  );
}
