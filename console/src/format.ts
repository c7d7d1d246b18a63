// Numbers, times and texts for people. Units are spelled once, here.

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
export function bytes(value: number): string {
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) { value /= 1024; unit++; }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${BYTE_UNITS[unit]}`;
}
export const bytesPerSecond = (value: number) => `${bytes(value)}/s`;

export function count(value: number): string {
  if (Math.abs(value) < 10_000) return Math.round(value).toLocaleString('en');
  const units = ['k', 'M', 'G', 'T'];
  let unit = -1;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
export const perSecond = (value: number) =>
  `${value > 0 && value < 10 ? value.toFixed(1) : count(value)}/s`;
export const exact = (value: number) => value.toLocaleString('en');

export function duration(ms: number): string {
  if (ms < 0) return '0 s';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}.${pad(d.getMilliseconds(), 3)}`;
}
export function dateTime(ms: number): string {
  if (ms <= 0) return '–';
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}
export const ago = (ms: number, now: number) => (ms <= 0 ? '–' : `${duration(Math.max(0, now - ms))} ago`);
export const percent = (ratio: number) => `${Math.round(ratio * 100)}%`;
export const plural = (n: number, one: string, many = one + 's') => `${exact(n)} ${n === 1 ? one : many}`;
