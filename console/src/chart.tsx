// The throughput of the last two minutes.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { bytes } from './format';
import type { Live } from './live';

// Round steps in powers of two, as bytes are counted.
const ROUND = Array.from({ length: 44 }, (_, i) => 2 ** i);
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width: number): uPlot.Options {
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
  const soft = (name: string) => colour(name) + '22';
  const spline = uPlot.paths.spline?.();
  return {
    width, height: 220, padding: [12, 8, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 6 }, y: false },
    scales: { x: { range: (_u, min, max) => [Math.max(max - 119, Math.min(min, max - 30)), max] }, y: { range: (_u, _min, max) => [0, Math.max(1024, (max ?? 0) * 1.15)] } },
    axes: [
      { ...axis, space: 90, size: 30, values: (_u, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString('en-GB')) },
      { ...axis, size: 72, incrs: ROUND, values: (_u, ticks) => ticks.map((t) => bytes(t) + '/s') },
    ],
    series: [
      {},
      { label: 'in', stroke: colour('--accent'), fill: soft('--accent'), width: 2, paths: spline, points: { show: false } },
      { label: 'out', stroke: colour('--second'), fill: soft('--second'), width: 2, paths: spline, points: { show: false } },
    ],
  };
}

export function Throughput(props: { live: Live }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const told = props.live.snapshot?.node.rates.bytes_out !== undefined;
  const data = (): uPlot.AlignedData => [props.live.times, props.live.bytesIn, told ? props.live.bytesOut : props.live.bytesIn.map(() => null)];
  useEffect(() => {
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(box.current!.clientWidth), data(), box.current!);
    };
    make();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: box.current!.clientWidth, height: 220 }));
    resize.observe(box.current!);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => { resize.disconnect(); scheme.removeEventListener('change', make); plot.current?.destroy(); plot.current = null; };
  }, []);
  useEffect(() => { plot.current?.setData(data()); });
  return <div class="chart" ref={box} role="img" aria-label="Bytes in and out per second over the last two minutes" />;
}
