import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { startLive, useLive } from './live';
import { go, link, usePath } from './router';
import { GroupPage, Groups } from './pages/groups';
import { Job } from './pages/job';
import { Jobs } from './pages/jobs';
import { Overview } from './pages/overview';
import { SqlPage } from './pages/sql';
import { Topic } from './pages/topic';
import { Topics } from './pages/topics';
import { Transactions } from './pages/transactions';
import './style.css';

const ICONS: Record<string, string> = {
  overview: 'M3 12h4l3-8 4 16 3-8h4', topics: 'M4 6h16M4 12h16M4 18h10', jobs: 'M4 5h6v5H4zM14 14h6v5h-6zM10 7.5h4.5a2 2 0 0 1 2 2V14',
  groups: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19c0-3 2.5-5 5.500-5s5.500 2 5.500 5M16 11a2.500 2.500 0 1 0 0-5M17 14c2.500.3 4.500 2 4.500 5', sql: 'M5 6l5 6-5 6M12 18h7',
  transactions: 'M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4',
};
const PLACES: [string, string][] = [['overview', 'Overview'], ['topics', 'Topics'], ['jobs', 'Jobs'], ['groups', 'Groups'], ['sql', 'SQL'], ['transactions', 'Transactions']];

function page(steps: string[]) {
  const [place = 'overview', name, tab] = steps;
  if (place === 'topics') return name ? <Topic key={name} name={name} tab={tab ?? 'messages'} /> : <Topics />;
  if (place === 'jobs') return name ? <Job key={name} id={name} /> : <Jobs />;
  if (place === 'groups') return name ? <GroupPage key={name} id={name} /> : <Groups />;
  if (place === 'sql') return <SqlPage />;
  if (place === 'transactions') return <Transactions />;
  return <Overview />;
}

// Digits go to the places, "/" to the search field.
function onKey(event: KeyboardEvent) {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input,textarea,select,dialog')) return;
  const place = PLACES[Number(event.key) - 1];
  if (place) go(place[0]);
  const search = event.key === '/' ? document.querySelector<HTMLInputElement>('input.search') : null;
  if (search) { event.preventDefault(); search.focus(); }
}

function App() {
  const steps = usePath();
  const live = useLive();
  const place = steps[0] ?? 'overview';
  useEffect(() => { addEventListener('keydown', onKey); return () => removeEventListener('keydown', onKey); }, []);
  useEffect(() => { document.title = `${steps[1] ?? PLACES.find(([id]) => id === place)?.[1] ?? 'Overview'} · Mainstem`; }, [steps.join('/')]);
  return (
    <>
      <aside>
        <a class="brand" href={link('overview')}><svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M16 28V14M16 17C16 11 8 12 7 5M16 13c0-4 1-5 1-9M16 19c0-7 8-6 9-13" /></svg>Mainstem</a>
        <nav aria-label="Places">
          {PLACES.map(([id, label], i) => (
            <a href={link(id)} aria-current={id === place ? 'page' : undefined} title={`${label} (${i + 1})`}>
              <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d={ICONS[id]} /></svg><span>{label}</span>
            </a>
          ))}
        </nav>
        <div class="node">
          <span class={live.connected ? 'dot on' : 'dot'} />{live.connected ? 'connected' : live.snapshot ? 'the node is away, trying again' : 'connecting'}
          {live.snapshot && <small>{live.snapshot.node.version}</small>}
        </div>
      </aside>
      <main tabIndex={-1}>{page(steps)}</main>
    </>
  );
}

startLive();
render(<App />, document.getElementById('app')!);
