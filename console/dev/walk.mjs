// Walks through the console of a real node as a person would, and fails on the first thing that is not there.
//   node dev/walk.mjs http://127.0.0.1:8080 folder-for-pictures
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [address, pictures] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'mainstem-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, viewport: { width: 1280, height: 860 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const problems = [];
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

  // Live tail.
  await page.getByRole('button', { name: 'Follow' }).click();
  await page.getByText('Waiting for the next record').waitFor();
  await page.waitForTimeout(500);
  await fetch(address + '/v1/topics/clicks/events', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"fresh":true}' });
  await page.locator('.message', { hasText: 'fresh' }).waitFor();

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

  for (const [place, text] of [['jobs', 'No jobs yet'], ['groups', 'No consumer groups yet']]) {
    await page.goto(`${address}/#/${place}`);
    await page.getByText(text).waitFor();
  }
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
