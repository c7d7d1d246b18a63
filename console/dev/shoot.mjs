// Looks at the page in a real browser and saves pictures.
//   node dev/shoot.mjs http://127.0.0.1:8080 out/ overview=#/ topic=#/topics/clicks [--dark] [--wait=ms] [--sql=file]
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [address, folder, ...rest] = process.argv.slice(2);
const flags = Object.fromEntries(rest.filter((a) => a.startsWith('--')).map((a) => a.slice(2).split('=')));
const pages = rest.filter((a) => !a.startsWith('--')).map((a) => [a.slice(0, a.indexOf('=')), a.slice(a.indexOf('=') + 1)]);
const profile = mkdtempSync(join(tmpdir(), 'mainstem-chromium-'));
mkdirSync(folder, { recursive: true });
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, viewport: { width: Number(flags.width ?? 1280), height: Number(flags.height ?? 860) }, colorScheme: 'dark' in flags ? 'dark' : 'light',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error') console.log('console:', message.text()); });
  page.on('pageerror', (error) => console.log('page error:', error.message));
  for (const [name, where] of pages) {
    await page.goto(address + '/' + where);
    await page.waitForTimeout(Number(flags.wait ?? 2500));
    if ('sql' in flags) {
      await page.getByLabel('SQL', { exact: true }).fill(readFileSync(flags.sql, 'utf8').trimEnd());
      await page.keyboard.press('Control+Enter');
      await page.waitForTimeout(3000);
    }
    if ('click' in flags) { await page.locator(flags.click).first().click(); await page.waitForTimeout(700); }
    await page.screenshot({ path: join(folder, name + '.png') });
  }
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
