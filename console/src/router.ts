// Pages by the part behind "#": "#/topics/clicks". Works from any folder and needs nothing of the node.
import { useEffect, useState } from 'preact/hooks';

const decoded = (step: string) => { try { return decodeURIComponent(step); } catch { return step; } };  // "%" typed by hand
export const path = () => location.hash.replace(/^#\/?/, '').split('/').map(decoded).filter(Boolean);
export const link = (...steps: string[]) => '#/' + steps.map(encodeURIComponent).join('/');
export const go = (...steps: string[]) => { location.hash = link(...steps); };

export function usePath(): string[] {
  const [current, set] = useState(path());
  useEffect(() => {
    const changed = () => { set(path()); document.querySelector('main')?.scrollTo(0, 0); };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return current;
}
