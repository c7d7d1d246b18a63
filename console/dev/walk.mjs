// Walks through the console of a real node as a person would, and fails on the first thing that is not there.
//   node dev/walk.mjs http://127.0.0.1:8080 folder-for-pictures
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

// Of a real node with a topic `clicks` of two partitions, in which 120 records lie, an open transaction and two groups
// (tests/integration/console/test_console.py makes them).
const [address, pictures] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'mainstem-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, viewport: { width: 1280, height: 860 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const problems = [];

// A job from the SQL page on: its graph, an operator of it, a savepoint, its end; gone on with, cancelled, forgotten.
async function walkJob(page, send) {
  await page.goto(address + '/#/sql');
  const { kafka_address: kafka } = await (await fetch(address + '/api/v1/node')).json();
  await page.getByLabel('SQL', { exact: true }).fill(`
    CREATE TABLE clicks (ms INT, seen TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR seen AS seen)
      WITH ('connector' = 'kafka', 'topic' = 'clicks', 'properties.bootstrap.servers' = '${kafka}', 'scan.startup.mode' = 'latest-offset', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
    CREATE TABLE per_second (begun TIMESTAMP(3), hits BIGINT) WITH ('connector' = 'kafka', 'topic' = 'per-second', 'properties.bootstrap.servers' = '${kafka}', 'format' = 'json');
    INSERT INTO per_second SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(seen), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;`);
  await page.getByRole('button', { name: 'Run as job' }).click();
  await page.getByText('Running as').locator('a').click();
  await page.locator('h1', { hasText: 'insert-into_per_second running' }).waitFor();
  const source = page.locator('.op', { hasText: 'Source: clicks' }), sink = page.locator('.op', { hasText: 'Sink: per_second' });
  const traffic = setInterval(() => { for (let user = 0; user < 5; user++) void send({ user: `user-${user}`, ms: 20 + user }); }, 100);
  await source.locator('.rate', { hasText: /^[1-9].*\/s$/ }).waitFor();
  await source.locator('.foot', { hasText: /^watermark .* behind$/ }).waitFor();
  await sink.locator('.rate-note', { hasText: /^[1-9]\d* rows$/ }).waitFor();
  await page.locator('.edge').first().waitFor({ state: 'attached' });
  await page.locator('.stat', { hasText: 'Checkpoint' }).filter({ hasText: /#[1-9]/ }).waitFor();
  await page.locator('tr', { hasText: 'per_second' }).filter({ hasText: 'kafka' }).locator('.state', { hasText: 'running' }).waitFor();

  // One operator: what it tells of itself.
  await source.click();
  const fact = (name) => page.locator('.operator .facts div', { hasText: name }).locator('dd');
  await fact('Watermark').filter({ hasText: /^\d{4}-\d\d-\d\d / }).waitFor();
  await fact('Unread records').filter({ hasText: /^\d/ }).waitFor();
  await fact('Back-pressured').filter({ hasText: /^\d+%$/ }).waitFor();
  await fact('Bytes in').filter({ hasText: /^[1-9]/ }).waitFor();
  await page.locator('.operator tr', { hasText: 'Source' }).waitFor();
  await page.screenshot({ path: join(pictures, 'job.png') });

  await page.getByRole('button', { name: 'Savepoint' }).click();
  await page.locator('code', { hasText: 'savepoint-' }).waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.locator('h1 .state', { hasText: 'stopped' }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('h1 .state', { hasText: 'running' }).waitFor();
  clearInterval(traffic);
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('h1 .state', { hasText: 'cancelled' }).waitFor();
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No jobs yet').waitFor();
}

// A group that reads, and one that has left its offsets behind and is forgotten.
async function walkGroups(page) {
  await page.goto(address + '/#/groups');
  const reading = page.locator('tr', { hasText: 'billing' });
  await reading.locator('.state', { hasText: 'stable' }).waitFor();
  await reading.locator('a').click();
  await page.locator('.stat', { hasText: 'Members' }).filter({ hasText: '1' }).waitFor();
  const offsets = page.locator('.card', { hasText: 'Committed' }).locator('tbody tr');
  await offsets.nth(1).waitFor();
  assert.equal(await offsets.count(), 2);
  const [topic, , committed, end, lag] = await offsets.first().locator('td').allTextContents();
  assert.equal(topic, 'clicks');
  assert.equal(Number(lag), Number(end) - Number(committed));
  await page.locator('td', { hasText: 'clicks/0, clicks/1' }).waitFor();
  await page.screenshot({ path: join(pictures, 'group.png') });

  await page.locator('h1 a', { hasText: 'Groups' }).click();
  const left = page.locator('tr', { hasText: 'search-index' });
  await left.locator('.state', { hasText: 'empty' }).waitFor();
  await left.locator('a').click();
  await page.locator('.stat', { hasText: 'Lag' }).waitFor();
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Delete' }).click();
  await reading.waitFor();
  await left.waitFor({ state: 'detached' });
}

try {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => { if (!request.url().startsWith(address) && !request.url().startsWith('data:')) problems.push('foreign request: ' + request.url()); });
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('status of 4')) problems.push(message.text()); });

  await page.goto(address + '/');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.locator('.list a', { hasText: 'clicks' }).waitFor();
  await page.locator('.chart canvas').waitFor();
  await page.getByText('connected').waitFor();
  await page.locator('.stat', { hasText: 'Out' }).filter({ hasText: 'to consumers' }).waitFor();
  await page.screenshot({ path: join(pictures, 'overview.png') });

  // By keyboard to the topics, filter, open.
  await page.keyboard.press('2');
  await page.getByRole('heading', { name: 'Topics' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('cli');
  await page.locator('table a', { hasText: 'clicks' }).click();
  await page.locator('.message').first().waitFor();
  assert.equal(await page.locator('.message').count(), 50);

  // A record, its JSON untouched: a number that JavaScript could not hold.
  await page.locator('.message').first().click();
  await page.locator('pre.json', { hasText: '12345678901234567890' }).waitFor();

  // Search and path.
  await page.getByLabel('Search', { exact: true }).fill('user-7"');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.message').length === 1);
  await page.getByLabel('Search', { exact: true }).fill('');
  await page.getByLabel('JSON path').fill('$.user=user-11');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.locator('.message', { hasText: 'user-11' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.message').length === 1);

  // The rates of the partitions, as they come.
  const send = (event) => fetch(address + '/v1/topics/clicks/events', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event) });
  const clicks = setInterval(() => { for (let user = 0; user < 5; user++) void send({ user: `user-${user}`, page: '/', ms: 20 + user }); }, 100);
  await page.locator('.legend', { hasText: /partition 0 [1-9].*partition 1 [1-9]/ }).waitFor();
  await page.locator('.chart[aria-label*="2 partitions of clicks"] canvas').waitFor();
  clearInterval(clicks);

  // Live tail, a field of it drawn: those that are here, and the one that comes.
  await page.getByRole('button', { name: 'Follow' }).click();
  await page.getByText('Waiting for the next record').waitFor();
  await page.waitForTimeout(500);
  await page.getByLabel('Field to draw').selectOption('ms');
  await page.getByLabel('How many messages').selectOption('50');
  await send({ fresh: true, ms: 977 });
  await page.locator('.message', { hasText: 'fresh' }).waitFor();
  await page.locator('.field-chart', { hasText: 'lowest 20' }).filter({ hasText: 'latest 977' }).waitFor();
  await page.locator('.chart[aria-label^="ms of"] canvas').waitFor();
  await fetch(address + '/v1/topics/clicks/events', { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: new Uint8Array([0xff, 0, 0x80]) });
  await page.locator('.message .preview.binary', { hasText: 'ff0080' }).waitFor();
  await page.screenshot({ path: join(pictures, 'topic.png') });

  // Settings: change one, see that it can be reset.
  await page.getByRole('link', { name: 'Settings' }).click();
  const setting = page.locator('tr', { has: page.locator('code', { hasText: /^retention\.ms$/ }) });
  await setting.locator('button.link').click();
  await page.getByLabel('retention.ms', { exact: true }).fill('3600000');
  await page.getByRole('button', { name: 'Save' }).click();
  await setting.getByRole('button', { name: 'reset' }).click();
  await setting.getByRole('button', { name: 'reset' }).waitFor({ state: 'detached' });

  // A topic made and deleted again.
  await page.goto(address + '/#/topics');
  await page.getByRole('button', { name: 'New topic' }).click();
  await page.getByLabel('Name').fill('made-here');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('No records here').waitFor();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await page.locator('dialog[open] input').fill('made-here');
  await page.locator('dialog[open]').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Topics', exact: true }).waitFor();

  // SQL: an error with its place, then rows.
  await page.goto(address + '/#/sql');
  await page.getByLabel('SQL', { exact: true }).fill('SELEC 1;');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('SQL', { exact: true }).fill("SELECT * FROM (VALUES (1, 'river'), (2, 'sea')) AS t(n, name);");
  await page.keyboard.press('Control+Enter');
  await page.locator('.rows td', { hasText: 'river' }).waitFor();
  await page.getByText('2 rows').waitFor();

  await page.goto(address + '/#/jobs');
  await page.getByText('No jobs yet').waitFor();
  await walkJob(page, send);
  await walkGroups(page);

  // The open transaction that was there before, seen and aborted.
  await page.goto(address + '/#/transactions');
  const open = page.locator('tr', { hasText: 'shop/billing' });
  await open.locator('.state', { hasText: 'ongoing' }).waitFor();
  await open.locator('a', { hasText: 'orders' }).waitFor();
  await page.screenshot({ path: join(pictures, 'transactions.png') });
  page.once('dialog', (dialog) => void dialog.accept());
  await open.getByRole('button', { name: 'Abort' }).click();
  await page.getByText('No open transactions').waitFor();
  await page.getByLabel('also ended ones').check();
  await open.locator('.state', { hasText: 'completeabort' }).waitFor();

  await page.goto(address + '/examples/clickstream/');
  await page.locator('.product').first().click();
  await page.locator('#sent li small', { hasText: '@' }).first().waitFor();
  assert.deepEqual(problems, []);
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
