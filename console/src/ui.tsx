// Small parts that all pages share.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError, JobState } from './api';

export function Page(props: { title: ComponentChildren; lead?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class="page">
      <header class="page-head">
        <div><h1>{props.title}</h1>{props.lead && <p class="lead">{props.lead}</p>}</div>
        {props.actions && <div class="actions">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

export function Card(props: { title?: ComponentChildren; aside?: ComponentChildren; class?: string; children: ComponentChildren }) {
  return (
    <section class={`card ${props.class ?? ''}`}>
      {props.title && <header><h2>{props.title}</h2>{props.aside && <div class="aside">{props.aside}</div>}</header>}
      {props.children}
    </section>
  );
}

export function Stat(props: { label: string; value: ComponentChildren; note?: ComponentChildren }) {
  return <div class="stat"><span class="label">{props.label}</span><span class="value">{props.value}</span>{props.note && <span class="note">{props.note}</span>}</div>;
}

// Above 90% it warns, unless `good` says that full is what one waits for.
export function Meter(props: { ratio: number; label: string; good?: boolean }) {
  const ratio = Math.max(0, Math.min(1, props.ratio));
  return <span class="meter" role="img" aria-label={props.label}><i class={ratio > 0.9 && !props.good ? 'high' : ''} style={{ width: `${ratio * 100}%` }} /></span>;
}

// Points are [seconds, value], oldest first; they take the whole width from two minutes on.
export function Sparkline(props: { points: [number, number][]; width?: number; height?: number }) {
  const { points, width = 108, height = 26 } = props;
  if (points.length < 2) return <svg class="spark" width={width} height={height} aria-hidden="true" />;
  const top = Math.max(...points.map(([, value]) => value), 1);
  const first = points[0]![0], last = points[points.length - 1]![0];
  const x = (time: number) => (width - ((last - time) / Math.max(120, last - first)) * width).toFixed(1);
  const line = points.map(([time, value]) => `${x(time)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`).join(' ');
  return (
    <svg class="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polygon points={`${x(first)},${height} ${line} ${width},${height}`} />
      <polyline points={line} />
    </svg>
  );
}

export function Empty(props: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 64" width="44" height="44" aria-hidden="true"><path d="M32 58V30M32 36C32 22 14 24 12 8M32 28c0-9 2-12 2-22M32 40c0-15 18-14 20-30" /></svg>
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

// A command line with a button that copies it.
export function Command(props: { children: string }) {
  const [copied, set] = useState(false);
  const copy = () => { void navigator.clipboard?.writeText(props.children).then(() => { set(true); setTimeout(() => set(false), 1200); }); };
  return <div class="command"><code>{props.children}</code><button type="button" class="quiet" onClick={copy}>{copied ? 'copied' : 'copy'}</button></div>;
}

export function ErrorBox(props: { error: ApiError | null }) {
  if (!props.error) return null;
  const { code, message, detail, hint } = props.error;
  return (
    <div class="error" role="alert">
      <strong>{message}</strong>
      {detail && <pre>{detail}</pre>}
      <p>{hint && <>{hint} · </>}<span class="code">{code}</span></p>
    </div>
  );
}

const STATE_KIND: Record<string, string> = {
  running: 'good', finishing: 'good', finished: 'done', stopped: 'idle', cancelled: 'idle', created: 'idle', restarting: 'warn', retrying: 'warn', parked: 'warn', failed: 'bad',
  stable: 'good', empty: 'idle', dead: 'idle', preparingrebalance: 'warn', completingrebalance: 'warn',
  ongoing: 'good', completecommit: 'done', completeabort: 'idle',
};
export function State(props: { state: JobState | string }) {
  const name = props.state.toLowerCase();
  return <span class={`state ${STATE_KIND[name] ?? 'idle'}`}>{name}</span>;
}

export function Tabs(props: { tabs: { id: string; label: ComponentChildren; href: string }[]; current: string }) {
  return <nav class="tabs" aria-label="Parts of this page">{props.tabs.map((tab) => <a href={tab.href} aria-current={tab.id === props.current ? 'page' : undefined}>{tab.label}</a>)}</nav>;
}

export function Dialog(props: { open: boolean; title: string; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (props.open && !ref.current?.open) ref.current?.showModal();
    if (!props.open && ref.current?.open) ref.current.close();
  }, [props.open]);
  return <dialog ref={ref} onClose={props.onClose}><h2>{props.title}</h2>{props.open && props.children}</dialog>;
}

export const Loading = () => <p class="loading" role="status">Loading…</p>;
