/** @file The drawing in a browser: no edge under a box, no rule of accessibility broken, zoom, and pages of every kind. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeCircuit, topEdges } from '@auto-circuit/core';
import type { ReportInput } from '@auto-circuit/core/run';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderComparison } from './comparison-report.js';
import { renderReport } from './report.js';
import { exampleFigures, exampleInput } from './testing/example-input.js';

let browser: Browser;
let folder: string;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const kept = (input: ReportInput, size: number): ReportInput => ({
  ...input,
  circuit: makeCircuit(input.graph, topEdges(input.graph, input.scores, size).edges),
});
const run = (name: string, seed: number) => ({
  name,
  series: name,
  input: kept(exampleInput({ layers: 3, heads: 4, seed }), 30),
});
const PAGES = {
  small: () => renderReport(kept(exampleInput({ layers: 3, heads: 4 }), 40)),
  positions: () => renderReport(kept(exampleInput({ layers: 3, heads: 4, positions: 15 }), 40)),
  /** The shape of SmolLM2 with 200 edges, all drawn at once by the slider. */
  deep: () => renderReport(kept(exampleInput({ layers: 30, heads: 9 }), 200)),
  wide: () => renderReport(kept(exampleInput({ layers: 16, heads: 32 }), 500)),
  large: () => renderReport(kept(exampleInput(), 10_000)),
  full() {
    const { input, figures } = exampleFigures();
    return renderReport(input, figures);
  },
  unsigned() {
    const input = exampleInput({ layers: 2, heads: 4 });
    return renderReport({ ...input, run: { ...input.run, signed: false } });
  },
  comparison() {
    const runs = [run('eap', 1), run('acdc', 2), run('random', 3)];
    const jaccard = runs.map((_, i) => runs.map((__, j) => (i === j ? 1 : 0.25)));
    return renderComparison({
      title: 'Three algorithms',
      groups: [
        {
          title: 'ioi',
          runs,
          overlaps: [
            { edges: 10, jaccard },
            { edges: 100, jaccard },
          ],
        },
      ],
    });
  },
} as const;
type PageName = keyof typeof PAGES;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawing-'));
  for (const [name, make] of Object.entries(PAGES)) await writeFile(join(folder, `${name}.html`), make());
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

async function open(name: PageName, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, ...options });
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  return page;
}

/** How many sampled points of the drawn paths lie in a box that the pointer would find there, away from both ends of the edge. */
const pointsUnderBoxes = (page: Page): Promise<{ readonly points: number; readonly under: number }> =>
  page.evaluate(() => {
    const boxes = [...document.querySelectorAll<SVGRectElement>('#circuit .nodes rect')].map((rect) => rect.getBBox());
    let [points, under] = [0, 0];
    for (const path of document.querySelectorAll('#circuit .edges path')) {
      for (const d of path.getAttribute('d')!.split(/(?=M)/)) {
        const one = document.createElementNS('http://www.w3.org/2000/svg', 'path');
        one.setAttribute('d', d);
        const length = one.getTotalLength();
        // All points but those within 2 units of the two ends: with these left out no own box is exempt.
        for (let at = 2; at < length - 2; at += 2) {
          const { x, y } = one.getPointAtLength(at);
          points++;
          if (boxes.some((box) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height)) under++;
        }
      }
    }
    return { points, under };
  });

describe('edges in a browser', () => {
  it.each([
    ['small', 40],
    ['positions', 40],
    ['deep', 200],
    ['wide', 500],
  ] as const)('run under no box: %s, %d edges', async (name, size) => {
    const page = await open(name);
    await page.locator('#kept').click();
    await page.waitForFunction((n) => document.querySelector('#shown')!.textContent!.startsWith(`${n} `), size);
    const { points, under } = await pointsUnderBoxes(page);
    console.log(`${name}: ${points} points of ${size} edges, ${under} under a box`);
    expect(points).toBeGreaterThan(10 * size);
    expect(under).toBe(0);
    await page.close();
  });
});

/** What axe finds, as rule and element. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    const found = await axe.run();
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
}
interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

describe('accessibility', () => {
  const names = Object.keys(PAGES) as PageName[];
  it.each(
    names.flatMap(
      (name) =>
        [
          [name, 'light', 1400],
          [name, 'dark', 390],
        ] as const,
    ),
  )('axe finds nothing: %s, %s, %d wide', async (name, colorScheme, width) => {
    const page = await open(name, { colorScheme, viewport: { width, height: 844 } });
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.close();
  });
});

describe('zoom', () => {
  const widthOf = (page: Page): Promise<number> =>
    page.locator('#circuit').evaluate((svg) => svg.getBoundingClientRect().width);

  it('grows and shrinks by buttons, keys and the wheel with Ctrl, and fits the window', async () => {
    const page = await open('deep');
    const first = await widthOf(page);
    await page.locator('#zoom-in').click();
    expect(await widthOf(page)).toBeCloseTo(first * 1.3, -1);
    await page.locator('#zoom-out').click();
    expect(await widthOf(page)).toBeCloseTo(first, -1);
    await page.locator('#zoom-fit').click();
    const height = await page.locator('#circuit').evaluate((svg) => svg.getBoundingClientRect().height);
    expect(height).toBeLessThanOrEqual(900);
    const fitted = await widthOf(page);
    await page.locator('#circuit .node').first().focus();
    await page.keyboard.press('+');
    expect(await widthOf(page)).toBeGreaterThan(fitted * 1.2);
    await page.keyboard.press('0');
    expect(await widthOf(page)).toBeCloseTo(fitted, 0);
    await page.locator('#circuit').hover();
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -120);
    await page.keyboard.up('Control');
    await page.waitForFunction(
      (before) => document.querySelector('#circuit')!.getBoundingClientRect().width > before,
      fitted,
    );
    await page.close();
  });

  it('moves the drawing by dragging, without choosing the node under the pointer', async () => {
    const page = await open('wide');
    for (let k = 0; k < 4; k++) await page.locator('#zoom-in').click();
    const node = page.locator('#circuit .node').first();
    await node.scrollIntoViewIfNeeded();
    const { x, y } = (await node.boundingBox())!;
    const left = () => page.locator('.drawing').evaluate((frame) => frame.scrollLeft);
    const before = await left();
    await page.mouse.move(x + 5, y + 5);
    await page.mouse.down();
    await page.mouse.move(x - 35, y + 5, { steps: 4 });
    await page.mouse.up();
    expect(await left()).toBeCloseTo(before + 40, -1);
    expect(await page.locator('#circuit .node.picked[aria-pressed="true"]').count()).toBeLessThanOrEqual(1);
    expect(await page.locator('#found').textContent()).toBe('');
    await page.close();
  });
});
