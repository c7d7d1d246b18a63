// The shop of the example. Clicks go to the topic `clicks` by the HTTP gateway; what the SQL pipeline makes of everybody's
// clicks comes back from the topics `funnel` and `error-bursts` by server-sent events.

const PRODUCTS = [
  { name: 'kettle', price: '39.90', shape: 'M22 38h36l4 26a6 6 0 0 1-6 6H24a6 6 0 0 1-6-6zM58 46l14-8M28 38a12 12 0 0 1 24 0M40 26v-3M24 34c0-22 32-22 32 0' },
  { name: 'teapot', price: '54.00', shape: 'M20 44c0-10 9-14 20-14s20 4 20 14-6 24-20 24-20-14-20-24zM60 46c8-2 10-10 14-12M20 40c-14-2-14 20 2 18M34 30c0-4 12-4 12 0M40 26v-3' },
  { name: 'cup', price: '7.50', shape: 'M20 34h36v14a16 16 0 0 1-16 16h-4a16 16 0 0 1-16-16zM56 38h5a7 7 0 0 1 0 14h-6M30 26c-3-4 3-6 0-10M40 26c-3-4 3-6 0-10' },
  { name: 'saucer', price: '4.20', shape: 'M10 46c0 8 13 14 30 14s30-6 30-14M10 46c0-6 13-10 30-10s30 4 30 10-13 8-30 8-30-2-30-8zM28 45c0-2 5-3 12-3s12 1 12 3' },
  { name: 'tray', price: '22.00', shape: 'M8 46h64l-8 12H16zM14 46l-4-8M66 46l4-8M28 46v-8h10v8M44 46V34h8v12' },
  { name: 'spoon', price: '3.10', shape: 'M54 16c7 5 6 15-1 21s-14 5-16 1 0-12 6-18 8-7 11-4zM38 38 16 66' },
  { name: 'tin', price: '9.95', shape: 'M24 30h32v34a4 4 0 0 1-4 4H28a4 4 0 0 1-4-4zM22 22h36v8H22zM32 44h16v12H32zM36 22v-4h8v4' },
  { name: 'strainer', price: '6.40', shape: 'M16 38h40a20 20 0 0 1-40 0zM56 38h16M24 44h24M28 50h16M30 38v10M42 38v10M36 38v16' },
];
const session = 'you-' + Math.random().toString(16).slice(2, 10);
const byId = (id) => document.getElementById(id);
let cart = null;
let count = 0;

function sqlTime(date) {
  return date.toISOString().replace('T', ' ').replace('Z', '');
}

async function send(type, page, product = null, amount = null) {
  const event = { event_id: `${session}-${++count}`, session, type, page, product, amount, status: 200, ts: sqlTime(new Date()) };
  const line = document.createElement('li');
  line.innerHTML = '<span></span><small></small>';
  line.firstChild.textContent = `${type} ${page}`;
  const list = byId('sent');
  if (count === 1) list.replaceChildren();
  list.prepend(line);
  while (list.children.length > 5) list.lastChild.remove();
  try {
    const response = await fetch('/v1/topics/clicks/events?key-field=session', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event), keepalive: true,
    });
    const answer = await response.json();
    line.lastChild.textContent = response.ok ? `${answer.written[0].partition} @ ${answer.written[0].offset}` : answer.error.message;
  } catch {
    line.lastChild.textContent = 'the node is away';
  }
}

function drawProducts() {
  byId('products').replaceChildren(...PRODUCTS.map((product) => {
    const card = document.createElement('article');
    card.className = 'product';
    card.tabIndex = 0;
    card.innerHTML = `<svg viewBox="0 0 80 80" aria-hidden="true"><path d="${product.shape}"/></svg><b>${product.name}</b><span>€ ${product.price}</span><button type="button">Into the cart</button>`;
    const view = () => void send('view', '/product/' + product.name, product.name);
    card.addEventListener('click', view);
    card.addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.target === card) view(); });
    card.querySelector('button').addEventListener('click', (event) => {
      event.stopPropagation();
      cart = product;
      document.querySelectorAll('.product').forEach((other) => other.classList.toggle('in-cart', other === card));
      byId('cart').disabled = false;
      byId('cart').textContent = `Order the ${product.name}, € ${product.price}`;
      void send('cart', '/product/' + product.name, product.name);
    });
    return card;
  }));
  byId('cart').addEventListener('click', () => {
    void send('order', '/checkout', cart.name, cart.price);
    cart = null;
    byId('cart').disabled = true;
    byId('cart').textContent = 'Thank you';
    document.querySelectorAll('.product').forEach((card) => card.classList.remove('in-cart'));
  });
}

const windows = [];
function takeWindow(row) {
  windows.push(row);
  if (windows.length > 30) windows.shift();
  const top = Math.max(1, row.viewers);
  const steps = [['viewed', row.viewers], ['in cart', row.carts], ['ordered', row.orders]];
  byId('funnel').innerHTML = steps.map(([label, n]) => `<div><span>${label}</span><i style="width:${Math.round((n / top) * 100)}%"></i><b>${Number(n)}</b></div>`).join('');
  byId('window').textContent = `${row.window_start.slice(11, 19)} to ${row.window_end.slice(11, 19)} UTC · revenue € ${Number(row.revenue).toFixed(2)}`;
  const most = Math.max(1, ...windows.map((w) => w.viewers));
  byId('history').innerHTML = windows.map((w, i) => { const h = Math.max(1, (w.viewers / most) * 62); return `<rect x="${i * 10 + 1}" y="${64 - h}" width="8" height="${h}" rx="2"/>`; }).join('');
}

function takeBurst(row) {
  const list = byId('bursts');
  if (list.querySelector('.soft')) list.replaceChildren();
  const line = document.createElement('li');
  line.innerHTML = '<span></span><b></b>';
  line.firstChild.textContent = `${row.window_start.slice(11, 19)} ${row.page}`;
  line.lastChild.textContent = `${row.errors} of ${row.requests}`;
  list.prepend(line);
  while (list.children.length > 4) list.lastChild.remove();
}

// The newest rows at once, then each as it comes. The topic appears with the pipeline: until then, ask again.
async function follow(topic, take) {
  const page = await fetch(`/v1/topics/${topic}/events?from=latest&limit=30`).catch(() => null);
  if (!page?.ok) { setTimeout(() => void follow(topic, take), 2000); return; }
  const { events, next } = await page.json();
  events.forEach((event) => take(event.value));
  const source = new EventSource(`/v1/topics/${topic}/events?from=${next}`);
  source.onmessage = (message) => take(JSON.parse(message.data).value);
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(() => void follow(topic, take), 2000); };
}

drawProducts();
void send('view', '/');
void follow('funnel', takeWindow);
void follow('error-bursts', takeBurst);
