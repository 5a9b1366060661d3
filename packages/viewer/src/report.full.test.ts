import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleInput } from './example-input.js';
import { renderReport } from './report.js';

let browser: Browser;
let folder: string;
let url: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
  await writeFile(join(folder, 'report.html'), renderReport(exampleInput()));
  url = pathToFileURL(join(folder, 'report.html')).href;
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Opens the report; `problems` collects console errors and requests. */
async function open(viewport = { width: 1100, height: 900 }) {
  const page = await browser.newPage({ viewport });
  const problems: string[] = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => !/^(file|data):/.test(request.url()) && problems.push(request.url()));
  await page.goto(url);
  const drawn = () => page.locator('#circuit .edge:visible').count();
  return { page, problems, drawn };
}

describe('the report in a browser', () => {
  it('moves the number of drawn edges with the slider, by keyboard, and comes back to the kept circuit', async () => {
    const { page, problems, drawn } = await open();
    expect(await drawn()).toBe(100);
    await page.locator('#size').focus();
    await page.keyboard.press('ArrowRight');
    const more = await drawn();
    expect(more).toBeGreaterThan(100);
    expect(await page.locator('#shown').textContent()).toBe(`${more} edges`);
    await page.keyboard.press('Home');
    expect(await drawn()).toBe(0);
    await page.keyboard.press('End');
    expect(await drawn()).toBe(1000);
    await page.locator('#kept').click();
    expect(await drawn()).toBe(100);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('draws edges by script just where the file drew them', async () => {
    const { page } = await open();
    const before = await page.locator('#circuit .edge').evaluateAll((paths) => paths.map((path) => path.outerHTML));
    await page.locator('#size').evaluate((slider) => {
      const layer = slider.ownerDocument.querySelector('.edges-layer')!;
      layer.replaceChildren();
    });
    await page.reload();
    await page.locator('#size').press('End');
    const after = await page
      .locator('#circuit .edge')
      .evaluateAll((paths) => paths.slice(100).map((path) => path.getAttribute('d')));
    expect(before).toHaveLength(100);
    expect(after).toHaveLength(900);
    expect(after.every((d) => /^M[\d.]+ [\d.-]+C[\d.,\s-]+$/.test(d ?? ''))).toBe(true);
    await page.close();
  });

  it('shows a node its own edges when chosen with the keyboard', async () => {
    const { page, problems } = await open();
    const node = page.locator('#circuit .node.on[tabindex="0"]').first();
    await node.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#circuit.picked .edge.of').count()).toBeGreaterThan(0);
    await page.keyboard.press('Escape');
    expect(await page.locator('#circuit.picked').count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('fits a phone: nothing is wider than the screen', async () => {
    const { page } = await open({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.close();
  });
});
