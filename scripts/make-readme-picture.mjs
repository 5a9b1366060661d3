#!/usr/bin/env node
/**
 * @file Makes docs/images/demo-circuit.png: the demo's run, its report in a headless Chromium, the circuit photographed.
 * Needs built packages (npm run build) and Chromium; CHROMIUM names it where it is not at /usr/bin/chromium.
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
const PICTURE = join(ROOT, 'docs', 'images', 'demo-circuit.png');
const MOST_BYTES = 200_000;

const folder = mkdtempSync(join(tmpdir(), 'readme-picture-'));
const run = join(folder, 'run');
const args = ['discover', '--task', 'ioi-mini', '--algo', 'eap-ig-inputs', '--out', run, '--quiet'];
const { status } = spawnSync(process.execPath, [join(ROOT, 'packages', 'cli', 'dist', 'main.js'), ...args], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (status !== 0) process.exit(status ?? 1);

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage({
    viewport: { width: 600, height: 900 },
    deviceScaleFactor: 2,
    colorScheme: 'light',
  });
  await page.goto(pathToFileURL(join(run, 'report.html')).href);
  await page.addStyleTag({
    content: `#circuit-title, .controls, .legend > :last-child { display: none }
      .legend { justify-content: center } section { border: 0; border-radius: 0; padding: 0 0 8px }`,
  });
  mkdirSync(join(ROOT, 'docs', 'images'), { recursive: true });
  await page.locator('section:has(#circuit)').screenshot({ path: PICTURE });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
const { size } = statSync(PICTURE);
console.log(`docs/images/demo-circuit.png: ${size} bytes`);
if (size > MOST_BYTES) {
  console.error(`the picture is too large: expected at most ${MOST_BYTES} bytes`);
  process.exit(1);
}
