// The operators of a job as layers from source to sink. Boxes are coloured by what they wait for: busy ones are the
// bottleneck, back-pressured ones wait for somebody behind them.
import type { Operator } from './api';
import { bytesPerSecond, count, duration, percent, perSecond } from './format';

const WIDTH = 228, HEIGHT = 112, GAP_X = 62, GAP_Y = 24;
// One box: an operator that means something to the reader, with the projections and checks chained around it.
export interface Chain extends Operator { parts: Operator[] }
interface Placed { op: Chain; x: number; y: number }

export const shortName = (name: string) => name.replace(/default_catalog\.default_database\./g, '');

export function chains(operators: Operator[]): Chain[] {
  const headOf = new Map<number, number>();
  const parts = new Map<number, Operator[]>();
  const minor = (op: Operator) => /^(Calc|NotNull)$/.test(op.name);
  for (const op of [...operators].sort((a, b) => a.id - b.id)) {
    const before = op.inputs.length === 1 && op.exchanges[0] === 'chained' ? headOf.get(op.inputs[0]!) : undefined;
    const joins = before !== undefined && (minor(op) || parts.get(before)!.every(minor));
    const head = joins ? before : op.id;
    headOf.set(op.id, head);
    parts.set(head, [...(parts.get(head) ?? []), op]);
  }
  return [...parts.values()].map((ops) => {
    const first = ops[0]!, last = ops[ops.length - 1]!;
    const title = ops.find((op) => !minor(op)) ?? first;
    const sum = (pick: (op: Operator) => number) => ops.reduce((total, op) => total + pick(op), 0);
    return {
      ...first, parts: ops, inputs: first.inputs.map((id) => headOf.get(id) ?? id), name: shortName(title.name), detail: title.detail,
      rows_out: last.rows_out, rows_out_per_second: last.rows_out_per_second, busy_ratio: Math.max(...ops.map((op) => op.busy_ratio)),
      backpressured_ratio: Math.max(...ops.map((op) => op.backpressured_ratio)), late_rows: sum((op) => op.late_rows), rejected_rows: sum((op) => op.rejected_rows),
      state_entries: sum((op) => op.state_entries), state_bytes: sum((op) => op.state_bytes),
    };
  });
}

export function layout(operators: Chain[]): { boxes: Placed[]; width: number; height: number } {
  const byId = new Map(operators.map((op) => [op.id, op]));
  const layerOf = new Map<number, number>();
  const layer = (op: Chain): number => {
    const known = layerOf.get(op.id);
    if (known !== undefined) return known;
    layerOf.set(op.id, 0);  // a cycle cannot be; this ends the walk if it is
    const value = Math.max(-1, ...op.inputs.map((id) => (byId.has(id) ? layer(byId.get(id)!) : -1))) + 1;
    layerOf.set(op.id, value);
    return value;
  };
  const layers: Chain[][] = [];
  for (const op of operators) (layers[layer(op)] ??= []).push(op);
  // Each layer in the order of the middle of its inputs: lines cross little.
  const row = new Map<number, number>();
  for (const ops of layers) {
    const middle = (op: Chain) => op.inputs.length === 0 ? op.id : op.inputs.reduce((sum, id) => sum + (row.get(id) ?? 0), 0) / op.inputs.length;
    ops.sort((a, b) => middle(a) - middle(b) || a.id - b.id).forEach((op, i) => row.set(op.id, i - (ops.length - 1) / 2));
  }
  const tallest = Math.max(1, ...layers.map((ops) => ops.length));
  const height = tallest * HEIGHT + (tallest - 1) * GAP_Y;
  const boxes = layers.flatMap((ops, i) => ops.map((op, j) => ({
    op, x: i * (WIDTH + GAP_X), y: (height - ops.length * HEIGHT - (ops.length - 1) * GAP_Y) / 2 + j * (HEIGHT + GAP_Y),
  })));
  return { boxes, width: layers.length * (WIDTH + GAP_X) - GAP_X, height };
}

const heat = (op: Operator) => op.backpressured_ratio > 0.5 ? 'blocked' : op.busy_ratio > 0.8 ? 'hot' : op.busy_ratio > 0.4 ? 'warm' : 'calm';
const clip = (text: string, length: number) => (text.length > length ? text.slice(0, length - 1) + '…' : text);

function Box(props: { placed: Placed; now: number; selected: boolean; select: () => void }) {
  const { op, x, y } = props.placed;
  const watermark = op.watermark_ms === null ? null : props.now - op.watermark_ms;
  const onKey = (event: KeyboardEvent) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); props.select(); } };
  return (
    <g class={`op ${heat(op)} ${props.selected ? 'selected' : ''}`} transform={`translate(${x},${y})`} tabIndex={0} role="button" aria-label={op.name} onClick={props.select} onKeyDown={onKey}>
      <title>{op.parts.map((part) => `${shortName(part.name)}  ${part.detail}`).join('\n')}</title>
      <rect class="box" width={WIDTH} height={HEIGHT} rx="9" />
      <rect class="load-back" x="12" y={HEIGHT - 13} width={WIDTH - 24} height="4" rx="2" />
      <rect class="load-busy" x="12" y={HEIGHT - 13} width={(WIDTH - 24) * Math.min(1, op.busy_ratio)} height="4" rx="2" />
      <rect class="load-blocked" x={12 + (WIDTH - 24) * Math.min(1, op.busy_ratio)} y={HEIGHT - 13} width={(WIDTH - 24) * Math.min(1 - Math.min(1, op.busy_ratio), op.backpressured_ratio)} height="4" rx="2" />
      <text class="name" x="12" y="23">{clip(op.name, op.parallelism > 1 ? 23 : 26)}</text>
      {op.parallelism > 1 && <text class="par" x={WIDTH - 12} y="23">×{op.parallelism}</text>}
      <text class="detail" x="12" y="41">{clip(op.detail.replace(/\s+/g, ' '), 34)}</text>
      <text class="rate" x="12" y="65">{op.inputs.length === 0 ? perSecond(op.rows_out_per_second) : perSecond(op.rows_in_per_second)}</text>
      <text class="rate-note" x={WIDTH - 12} y="65">{op.inputs.length === 0 && op.bytes_in_per_second > 0 ? bytesPerSecond(op.bytes_in_per_second) : `${count(op.inputs.length === 0 ? op.rows_out : op.rows_in)} rows`}</text>
      <text class="foot" x="12" y="86">{watermark === null ? 'no watermark' : `watermark ${duration(Math.max(0, watermark))} behind`}</text>
      {op.lag_records <= 0 && op.late_rows + op.rejected_rows > 0 ? <text class="foot end warn" x={WIDTH - 12} y="86">{[op.late_rows > 0 && `${count(op.late_rows)} late`, op.rejected_rows > 0 && `${count(op.rejected_rows)} bad`].filter(Boolean).join(', ')}</text> : op.lag_records >= 0 ? <text class="foot end" x={WIDTH - 12} y="86">lag {count(op.lag_records)}</text> : null}
    </g>
  );
}

export function Graph(props: { operators: Operator[]; now: number; selected: number | null; onSelect: (id: number | null) => void }) {
  const all = chains(props.operators);
  const { boxes, width, height } = layout(all);
  const at = new Map(boxes.map((box) => [box.op.id, box]));
  const fastest = Math.max(1, ...all.map((op) => op.rows_out_per_second));
  return (
    <div class="graph">
      <svg style={{ width: '100%', maxWidth: width + 4, minWidth: (width + 4) * 0.78 }} viewBox={`-2 -2 ${width + 4} ${height + 4}`} role="group" aria-label="Operators of the job">
        {boxes.flatMap(({ op, x, y }) => op.inputs.map((id, i) => {
          const from = at.get(id);
          if (!from) return null;
          const x1 = from.x + WIDTH, y1 = from.y + HEIGHT / 2, y2 = y + HEIGHT / 2, bend = GAP_X / 2;
          const weight = 1.5 + 4 * Math.sqrt(from.op.rows_out_per_second / fastest);
          return (
            <g class={`edge ${from.op.backpressured_ratio > 0.5 ? 'blocked' : ''}`}>
              <path d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x - bend} ${y2} ${x} ${y2}`} style={{ strokeWidth: weight }} />
              {op.exchanges[i] && op.exchanges[i] !== 'forward' && op.exchanges[i] !== 'chained' && <text x={(x1 + x) / 2} y={(y1 + y2) / 2 + 4}>{op.exchanges[i]}</text>}
            </g>
          );
        }))}
        {boxes.map((placed) => <Box key={placed.op.id} placed={placed} now={props.now} selected={props.selected === placed.op.id} select={() => props.onSelect(props.selected === placed.op.id ? null : placed.op.id)} />)}
      </svg>
      <p class="graph-legend soft"><i class="busy" />working <i class="blocked" />waiting for the next operator <span>{percent(Math.max(0, ...props.operators.map((op) => op.busy_ratio)))} is the busiest</span></p>
    </div>
  );
}
