import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, toError } from './api';

// Loads a path now and every `every` ms; keeps the last good answer while a later one fails.
export function useFetch<T>(url: string | null, every = 0): { data: T | null; error: ApiError | null; reload: () => void } {
  const [state, set] = useState<{ data: T | null; error: ApiError | null }>({ data: null, error: null });
  const [turn, setTurn] = useState(0);
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (!url) return;
    if (shown.current !== url) set({ data: null, error: null });
    shown.current = url;
    const stop = new AbortController();
    let timer = 0;
    const load = async () => {
      try {
        const data = await get<T>(url, stop.signal);
        set({ data, error: null });
      } catch (cause) {
        if (stop.signal.aborted) return;
        set((old) => ({ data: old.data, error: toError(cause) }));
      }
      if (every && !stop.signal.aborted) timer = window.setTimeout(load, every);
    };
    void load();
    return () => { stop.abort(); clearTimeout(timer); };
  }, [url, every, turn]);
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}
