/** @file The report in a browser. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeCircuit, topEdges } from '@auto-circuit/core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderComparison } from './comparison-report.js';
import { renderReport } from './report.js';
import { lowContrast, type PlainContrast } from './testing/contrast.js';
import { exampleInput } from './testing/example-input.js';

let browser: Browser;
let folder: string;
const EVIL = '</script><img src=x onerror="document.title=1">';
const PAGES = {
  report: () => renderReport(exampleInput()),
  positions() {
    const input = exampleInput({ layers: 3, heads: 4, positions: 6 });
    const labels = [EVIL, 'When', 'Mary', '<i>', 'gave', 'to'];
    return renderReport({ ...input, run: { ...input.run, prompts: { ...input.run.prompts, labels } } });
  },
  /** A circuit of 10,000 edges at 15 positions. */
  large() {
    const input = exampleInput({ positions: 15 });
    const { edges } = topEdges(input.graph, input.scores, 10_000);
    return renderReport({ ...input, circuit: makeCircuit(input.graph, edges) });
  },
  /** 3 tasks × 6 algorithms × 2 seeds. */
  comparison() {
    const groups = ['ioi', 'docstring', 'greater-than'].map((title, t) => {
      const runs = ALGOS.flatMap((algo, a) =>
        [0, 1].map((seed) => ({
          name: `${algo}, seed ${seed}`,
          series: algo,
          href: `${title}/${algo}-${seed}/report.html`,
          input: exampleInput({ algo, dataName: title, seed: 100 * t + 10 * a + seed }),
          figures: {
            areas: ['faithfulness', 'kl', 'logit-diff'].map((metric) => ({
              metric,
              area: a + 1 + seed / 3,
              from: 1,
              to: 32491,
            })),
            known: [{ name: 'paper', doc: 'by hand', edges: 40, area: 0.9 - a / 10, points: rocExample(a) }],
          },
        })),
      );
      const overlaps = [10, 100, 1000].map((edges) => ({
        edges,
        jaccard: runs.map((_, i) => runs.map((__, j) => (i === j ? 1 : edges / (1000 + 400 * Math.abs(i - j))))),
      }));
      return { title, runs, overlaps };
    });
    return renderComparison({ title: 'Three tasks', groups });
  },
} as const;
const ALGOS = ['eap', 'eap-ig-inputs', 'acdc', 'activation-magnitude', 'subnetwork-probing', 'random'];
const rocExample = (a: number) =>
  Array.from({ length: 500 }, (_, i) => ({
    falsePositiveRate: i / 499,
    truePositiveRate: (i / 499) ** (0.1 + 0.15 * a),
  }));
type PageName = keyof typeof PAGES;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
  for (const [name, make] of Object.entries(PAGES)) await writeFile(join(folder, `${name}.html`), make());
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Opens a page; `problems` collects console errors and requests. */
async function open(name: PageName = 'report', options: Parameters<Browser['newPage']>[0] = {}) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, ...options });
  const problems: string[] = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => !/^(file|data|blob):/.test(request.url()) && problems.push(request.url()));
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  return { page, problems };
}

/** Curves in a group of the drawing, when it has come to rest: many are drawn a part in each frame. */
const curves = (page: Page, group = 'edges'): Promise<number> =>
  page.evaluate(async (name) => {
    const drawn = () => {
      const paths = [...document.querySelectorAll(`#circuit .${name} path`)];
      return paths.reduce((n, path) => n + path.getAttribute('d')!.split('M').length - 1, 0);
    };
    for (let before = -1, now = drawn(); ; before = now, now = drawn()) {
      if (before === now) return now;
      await new Promise((resolve) => setTimeout(resolve, 200));
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
    }
  }, group);

describe('the report in a browser', () => {
  it('moves the number of drawn edges with the slider, by keyboard, and comes back to the kept circuit', async () => {
    const { page, problems } = await open();
    expect(await curves(page)).toBe(100);
    await page.locator('#size').focus();
    await page.keyboard.press('ArrowRight');
    const more = await curves(page);
    expect(more).toBeGreaterThan(100);
    expect(await page.locator('#shown').textContent()).toBe(`${more} edges`);
    await page.keyboard.press('Home');
    expect(await curves(page)).toBe(0);
    await page.keyboard.press('End');
    expect(await curves(page)).toBe(5000);
    expect(await page.locator('.limit').first().textContent()).toContain('5,000 most important of 32,491');
    await page.locator('#kept').click();
    expect(await curves(page)).toBe(100);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('draws part of a large circuit first, says how much the kept one has, and keeps names of rows in view', async () => {
    const { page, problems } = await open('large');
    expect(await curves(page)).toBe(60);
    expect(await page.locator('#shown').textContent()).toBe('60 edges');
    await page.locator('#kept').click();
    expect(await curves(page)).toBe(5000);
    expect(await page.locator('#shown').textContent()).toBe('5,000 of 10,000 edges');
    const leftOf = (what: string) =>
      page
        .locator(what)
        .first()
        .evaluate((element) => element.getBoundingClientRect().left);
    const frame = await leftOf('.scroll');
    for (const scroll of [0, 900]) {
      await page
        .locator('.scroll')
        .first()
        .evaluate((element, left) => element.scrollTo(left, 0), scroll);
      await curves(page); // the next frame
      expect(Math.abs((await leftOf('#circuit .row')) - frame)).toBeLessThan(8);
      expect(await page.locator('#circuit .margin').isVisible()).toBe(scroll > 0);
    }
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save-svg').click()]);
    const svg = await readFile((await download.path())!, 'utf8');
    expect(svg).toMatch(/<text x="4"[^>]*>End<\/text>/);
    // Names of rows as they are, whatever the page was scrolled to.
    expect(svg).not.toMatch(/<g[^>]*translate[^>]*><text x="4"|<rect width="46"/);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('draws by script just what the file drew', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    const url = pathToFileURL(join(folder, 'report.html')).href;
    const parts = ['.back', '.edges', '.moves', '.nodes', '.rows'] as const;
    await page.goto(url);
    const before = await Promise.all(parts.map((part) => page.locator(`#circuit ${part}`).innerHTML()));
    expect(await page.locator('#size').isVisible()).toBe(false);
    await page.close();
    const { page: alive } = await open();
    const plain = (html: string) => html.replaceAll(/ tabindex="0"/g, '');
    const after = await Promise.all(parts.map((part) => alive.locator(`#circuit ${part}`).innerHTML()));
    expect(after.map(plain)).toEqual(before.map(plain));
    await alive.close();
  });

  it('moves the line in the curves and the table with the slider', async () => {
    const { page } = await open();
    const at = () => page.locator('svg[data-edges] .at line').first().getAttribute('x1').then(Number);
    const before = await at();
    await page.locator('#size').press('End');
    await curves(page);
    expect(await at()).toBeGreaterThan(before);
    expect(await page.locator('#edges tbody tr').count()).toBe(100);
    expect(await page.locator('#edges-said').textContent()).toContain('5,000 edges in this circuit');
    await page.locator('#edges-more').click();
    expect(await page.locator('#edges tbody tr').count()).toBe(600);
    await page.close();
  });

  it('walks from node to node with the arrow keys, and shows a node its own edges', async () => {
    const { page, problems } = await open();
    expect(await page.locator('#circuit .node[tabindex="0"]').count()).toBe(1);
    await page.locator('#save-png').focus();
    // The buttons for the size, and the frame that scrolls the drawing, are stops of their own.
    for (let k = 0; k < 7; k++) {
      if (await page.evaluate(() => document.activeElement?.closest('.node') === null))
        await page.keyboard.press('Tab');
    }
    const focused = () =>
      page.evaluate(() =>
        document.activeElement?.getAttribute('aria-label')?.replace(', no drawn path to the output', ''),
      );
    const first = await focused();
    expect(first).toMatch(/^(A|MLP|Resid)/);
    await page.keyboard.press('ArrowUp');
    expect(await focused()).not.toBe(first);
    expect(await page.locator('.tooltip').textContent()).toContain(`${await focused()}`);
    await page.keyboard.press('Enter');
    const own = await curves(page, 'lit');
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThan(100);
    expect(await page.locator('#found').textContent()).toContain(`of ${await focused()}`);
    expect(await page.locator('#edges tbody tr').count()).toBe(own);
    await page.keyboard.press('Escape');
    await page.locator('#size').focus();
    expect(await curves(page, 'lit')).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('finds nodes and edges', async () => {
    const { page } = await open();
    await page.locator('#size').press('End');
    await page.locator('#search').fill('A1.10->A5.3.K');
    expect(await curves(page, 'lit')).toBe(1);
    expect(await page.locator('#edges tbody tr').count()).toBe(1);
    await page.locator('#search').fill('L1H10->a5.h3<k>');
    expect(await curves(page, 'lit')).toBe(1);
    await page.locator('#search').fill('mlp 3');
    expect(await curves(page, 'lit')).toBeGreaterThan(1);
    await page.close();
  });

  it('names what the pointer is on', async () => {
    const { page, problems } = await open();
    await page.locator('#circuit .node').first().hover();
    expect(await curves(page, 'lit')).toBeGreaterThan(0);
    expect(await page.locator('.tooltip').textContent()).toMatch(/\d+ edges? in, \d+ out/);
    const middle = await page.evaluate(() => {
      const path = document.querySelector('#circuit .edges path:last-child') as SVGPathElement;
      const { x, y } = path.getPointAtLength(path.getTotalLength() / 8).matrixTransform(path.getScreenCTM()!);
      return { x, y };
    });
    await page.mouse.move(middle.x, middle.y);
    await curves(page);
    expect(await page.locator('.tooltip').textContent()).toMatch(/->.*rank \d+ of 32,491/s);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('saves the drawing as SVG and PNG', async () => {
    const { page, problems } = await open();
    const saved = async (button: string) => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
      return { name: download.suggestedFilename(), bytes: await readFile((await download.path())!) };
    };
    const svg = await saved('#save-svg');
    expect(svg.name).toBe('ioi-in-gpt2-autocircuit.svg');
    const text = svg.bytes.toString();
    expect(text).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(text).toContain('stroke="rgb(31, 111, 209)"');
    expect(text).not.toContain('var(');
    for (const words of ['supports the answer', 'query, key or value', 'score ±', 'no drawn path to the output'])
      expect(text).toContain(words);
    expect(await page.locator('#circuit .entry').count()).toBe(0);
    const png = await saved('#save-png');
    expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
    const drawn = await page
      .locator('#circuit')
      .evaluate((element) => (element as SVGSVGElement).viewBox.baseVal.width);
    expect(png.bytes.readUInt32BE(16)).toBe(2 * Math.max(420, drawn));
    await page.locator('figure.chart').first().hover();
    expect((await saved('figure.chart >> nth=0 >> .save button >> nth=0')).name).toMatch(/^faithfulness.*\.svg$/);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('has a column for each token position, and shows one alone', async () => {
    const { page, problems } = await open('positions');
    expect(await page.locator('#circuit .token').allTextContents()).toContainEqual(expect.stringContaining('gave'));
    const all = await curves(page);
    await page.locator('#position').selectOption('4');
    const one = await curves(page);
    expect(one).toBeGreaterThan(0);
    expect(one).toBeLessThan(all);
    expect(await page.locator('#edges tbody code').allTextContents()).toEqual(
      expect.arrayContaining([expect.stringMatching(/@4$/)]),
    );
    await page.locator('#circuit .node').first().hover();
    expect(await page.locator('.tooltip').textContent()).toContain('at 4 gave');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('ioi in gpt2 – AutoCircuit');
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each(['report', 'positions', 'comparison'] as const)(
    'fits a phone: nothing of %s is wider than the screen',
    async (name) => {
      const { page } = await open(name, { viewport: { width: 360, height: 740 } });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await page.close();
    },
  );

  it.each([
    ['light', 'report'],
    ['dark', 'report'],
    ['light', 'comparison'],
  ] as const)('has enough contrast in %s: %s (WCAG AA)', async (colorScheme, name) => {
    const { page } = await open(name, { colorScheme });
    expect(await page.evaluate<PlainContrast[], null>(lowContrast, null)).toEqual([]);
    await page.locator('#theme').click();
    const other = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(other).toBe(colorScheme === 'light' ? 'rgb(20, 23, 26)' : 'rgb(251, 251, 250)');
    expect(await page.evaluate<PlainContrast[], null>(lowContrast, null)).toEqual([]);
    await page.close();
  });

  it.each(['positions', 'comparison'] as const)('gives every control of %s a name', async (name) => {
    const { page } = await open(name);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLInputElement>('input, select, button, [role=button], [role=img], [tabindex]')]
        .filter((element) => {
          const labelled =
            element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent;
          return !labelled?.trim();
        })
        .map((element) => element.outerHTML.slice(0, 80)),
    );
    expect(nameless).toEqual([]);
    await page.close();
  });

  it('shows the overlap of many runs at other numbers of edges, and stays small', async () => {
    const { page, problems } = await open('comparison');
    const cells = () => page.locator('#overlap-0 >> xpath=ancestor::div[@data-maps] >> .cell-number').allTextContents();
    const before = await cells();
    expect(before).toHaveLength(144);
    await page.locator('#overlap-0').press('End');
    const after = await cells();
    expect(Number(after[1])).toBeGreaterThan(Number(before[1]));
    expect(after[0]).toBe(before[0]);
    expect(await page.locator('.small-circuits').first().locator('svg').count()).toBe(ALGOS.length);
    const { size } = await stat(join(folder, 'comparison.html'));
    console.log(`36 runs: ${Math.round(size / 1024)} KiB`);
    expect(size).toBeLessThan(1.5 * 2 ** 20);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('paints 5,000 edges soon and moves them smoothly', async () => {
    const { page, problems } = await open();
    const paint = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          new PerformanceObserver((list) => {
            const first = list.getEntriesByName('first-contentful-paint')[0];
            if (first) resolve(first.startTime);
          }).observe({ type: 'paint', buffered: true });
        }),
    );
    // What the page itself does in a frame of the slider; drawing on the screen is the browser's, in other threads.
    const script = await page.evaluate(async () => {
      const slider = document.querySelector<HTMLInputElement>('#size')!;
      const times: number[] = [];
      const begun = performance.now();
      for (let step = 0; step < 60; step++) {
        slider.value = `${Number(slider.max) - (step % 30)}`;
        slider.dispatchEvent(new Event('input'));
        await new Promise<void>((resolve) =>
          requestAnimationFrame((start) => {
            times.push(performance.now() - start);
            resolve();
          }),
        );
      }
      const between = (performance.now() - begun) / times.length;
      return { times: times.sort((a, b) => a - b), between };
    });
    const [median, most] = [script.times[30]!, script.times.at(-1)!].map((ms) => ms.toFixed(1));
    console.log(
      `first paint ${paint.toFixed(0)} ms; a frame of the slider ${median} ms, at most ${most} ms, one every ${script.between.toFixed(1)} ms`,
    );
    // Bounds are wide, since the machine may be busy: a page that draws each edge anew by itself is far beyond them.
    expect(paint).toBeLessThan(3000);
    expect(script.times[30]!).toBeLessThan(150);
    expect(problems).toEqual([]);
    await page.close();
  });
});
