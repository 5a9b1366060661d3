#!/usr/bin/env node
/**
 * @file Makes the pictures of docs/images from reports in a headless Chromium: the circuit of the demo's run, the report of a
 * run with token positions, and the report of several runs side by side. Needs built packages (npm run build) and Chromium; CHROMIUM names it where it is not at /usr/bin/chromium.
 *
 *   node scripts/make-readme-picture.mjs
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IMAGES = join(ROOT, 'docs', 'images');
const MOST_BYTES = 150_000;
const folder = mkdtempSync(join(tmpdir(), 'pictures-'));

const PICTURES = {
  'demo-circuit.png': {
    command: ['discover', '--task', 'ioi-mini', '--algo', 'eap-ig-inputs'],
    select: 'section:has(#circuit)',
    viewport: { width: 640, height: 900 },
    style: `#circuit-title, .controls, .note { display: none }
      .legend { justify-content: center } section { border: 0 !important; border-radius: 0; padding: 0 0 8px !important }`,
    deviceScaleFactor: 1.25,
  },
  'report.png': {
    command: ['discover', '--task', 'ioi-mini-positions', '--algo', 'eap'],
    select: 'main',
    viewport: { width: 800, height: 1200 },
    style: 'section:nth-of-type(n + 2), .note, .tile:last-child { display: none } main { padding-bottom: 20px }',
    deviceScaleFactor: 1,
  },
  'comparison.png': {
    command: ['compare', '--task', 'ioi-mini', '--algos', 'eap,eap-ig-inputs,relp,random'],
    select: 'section',
    viewport: { width: 860, height: 1200 },
    style: 'section { border: 0 !important } .curves > :nth-child(n + 5), .small-circuits, h3 { display: none }',
    deviceScaleFactor: 1,
  },
};

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  mkdirSync(IMAGES, { recursive: true });
  for (const [name, picture] of Object.entries(PICTURES)) await make(name, picture);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

async function make(name, { command, select, viewport, style, deviceScaleFactor }) {
  const run = join(folder, name);
  const args = [join(ROOT, 'packages', 'cli', 'dist', 'main.js'), ...command, '--out', run, '--quiet'];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`auto-circuit ${command.join(' ')} ended with ${status}`);
  const page = await browser.newPage({ viewport, deviceScaleFactor, colorScheme: 'light' });
  await page.goto(pathToFileURL(join(run, 'report.html')).href);
  await page.addStyleTag({ content: style });
  await page
    .locator(select)
    .first()
    .screenshot({ path: join(IMAGES, name) });
  await page.close();
  const { size } = statSync(join(IMAGES, name));
  console.log(`docs/images/${name}: ${size} bytes`);
  if (size > MOST_BYTES) throw new Error(`the picture is too large: expected at most ${MOST_BYTES} bytes`);
}
