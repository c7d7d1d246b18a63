// Lines over the time, drawn live: throughput, a topic's partitions, a field of its messages.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bytes, dateTime } from './format';
import { HISTORY_SECONDS, type Live } from './live';

export interface Line { label: string; values: (number | null)[] }
export interface LinesProps {
  label: string;                        // what is drawn, for those who cannot see it
  times: number[];                      // seconds since 1970, ascending, one for each value
  lines: Line[];
  height: number;
  format: (value: number) => string;
  steps?: number[];                     // round steps of the value axis, where they are not decimal
  least?: number;                       // the value axis reaches this high at least
  seconds?: number;                     // the time axis shows that many; without it, all there is
  fromZero?: boolean;                   // the value axis begins at 0
  filled?: boolean;
  dots?: boolean;                       // each value is one event, not a sample of something steady
}

// Colours of lines; whoever draws more lines than these sums some up.
export const LINE_COLOURS = ['--accent', '--second', '--line-3', '--line-4', '--line-5', '--line-6'];
// Steps of the time axis in seconds: nothing below one, which its labels could not tell apart.
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, ...Array.from({ length: 12 }, (_, i) => 86_400 * 2 ** i)];
const timeText = (seconds: number, span: number) => { const d = new Date(seconds * 1000); return span > 86_400 ? dateTime(d.getTime()).slice(5, 16) : d.toLocaleTimeString('en-GB'); };
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(props: LinesProps, width: number): uPlot.Options {
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const { seconds, least = 0 } = props;
  const spline = props.dots ? undefined : uPlot.paths.spline?.();
  const upTo = (min: number | null, max: number | null): uPlot.Range.MinMax => {
    const low = props.fromZero ? 0 : min ?? 0, high = Math.max(max ?? 0, low + least);
    const room = (high - low) * 0.15 || Math.abs(high) * 0.1 || 1;
    return [props.fromZero ? 0 : low - room, high + room];
  };
  return {
    width, height: props.height, padding: [12, 28, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 6 }, y: false },
    scales: { x: { range: (_u, min, max) => seconds ? [Math.max(max - seconds + 1, Math.min(min, max - 30)), max] : min < max ? [min, max] : [min - 1, max + 1] }, y: { range: (_u, min, max) => upTo(min, max) } },
    axes: [
      { ...axis, space: 90, size: 24, incrs: TIMES, values: (u, ticks) => ticks.map((t) => timeText(t, (u.scales.x?.max ?? 0) - (u.scales.x?.min ?? 0))) },
      { ...axis, size: 72, space: 34, ...(props.steps ? { incrs: props.steps } : {}), values: (_u, ticks) => ticks.map(props.format) },
    ],
    series: [
      {},
      ...props.lines.map((line, i) => {
        const stroke = colour(LINE_COLOURS[i % LINE_COLOURS.length]!);
        return { label: line.label, stroke, width: 2, paths: spline, points: { show: props.dots ?? false, size: 5, fill: stroke }, ...(props.filled ? { fill: stroke + '22' } : {}) };
      }),
    ],
  };
}

// Axes without a point would be of some other time.
export function Lines(props: LinesProps) {
  return props.times.length > 0 ? <Plot {...props} /> : <div class="chart" style={{ height: props.height }} />;
}

function Plot(props: LinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(props);
  shown.current = props;
  const data = (): uPlot.AlignedData => [shown.current.times, ...shown.current.lines.map((line) => line.values)];
  useEffect(() => {
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(shown.current, box.current!.clientWidth), data(), box.current!);
    };
    make();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: box.current!.clientWidth, height: props.height }));
    resize.observe(box.current!);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => { resize.disconnect(); scheme.removeEventListener('change', make); plot.current?.destroy(); plot.current = null; };
  }, [props.lines.map((line) => line.label).join('\n'), props.height]);
  useEffect(() => { plot.current?.setData(data()); });
  return <div class="chart" ref={box} role="img" aria-label={props.label} />;
}

export function Legend(props: { lines: { label: string; note?: string }[] }) {
  return <span class="legend">{props.lines.map((line, i) => <><i style={{ background: `var(${LINE_COLOURS[i % LINE_COLOURS.length]})` }} />{line.label}{line.note && <span class="soft"> {line.note}</span>}</>)}</span>;
}

// Round steps in powers of two, as bytes are counted.
const ROUND = Array.from({ length: 44 }, (_, i) => 2 ** i);

export function Throughput(props: { live: Live }) {
  const { samples, snapshot } = props.live;
  const told = snapshot?.node.rates.bytes_out !== undefined;
  return <Lines label="Bytes in and out per second over the last ten minutes" times={samples.map((sample) => sample.time)} height={220} format={(value) => bytes(value) + '/s'} steps={ROUND} least={1024} seconds={HISTORY_SECONDS} fromZero filled
    lines={[{ label: 'in', values: samples.map((sample) => sample.bytesIn) }, { label: 'out', values: samples.map((sample) => told ? sample.bytesOut : null) }]} />;
}
