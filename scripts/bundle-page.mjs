#!/usr/bin/env node
/**
 * @file Bundles the script and the style of the report's page (packages/viewer/src/page) into src/page-bundle.ts, so that
 * reports are made without a bundler, from sources as from dist.
 *
 *   node scripts/bundle-page.mjs            write
 *   node scripts/bundle-page.mjs --check    change nothing; exit 1 when the file is not what the sources make
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const SOURCE = fileURLToPath(new URL('../packages/viewer/src/', import.meta.url));
const TARGET = join(SOURCE, 'page-bundle.ts');

const text = `/**
 * @file Script and style of the page, made by scripts/bundle-page.mjs from page/ and drawing/. Change those, not this file.
 */
export const PAGE_SCRIPT = ${literal(await script())};
export const PAGE_STYLE = ${literal(style())};
`;
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
  console.log(`packages/viewer/src/page-bundle.ts: ${text.length} bytes`);
} else if (!existsSync(TARGET) || readFileSync(TARGET, 'utf8').replaceAll('\r\n', '\n') !== text) {
  console.error('packages/viewer/src/page-bundle.ts is not what its sources make; run: node scripts/bundle-page.mjs');
  process.exit(1);
}

async function script() {
  const [{ output }] = await build({
    configFile: false,
    root: SOURCE,
    logLevel: 'error',
    resolve: { conditions: ['@auto-circuit/source'] },
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      lib: { entry: join(SOURCE, 'page', 'main.ts'), formats: ['iife'], name: 'page' },
    },
  });
  const { code } = output[0];
  if (/<\/script|<!--/i.test(code)) throw new Error('the script of the page would end its own element');
  return code.trim();
}

function style() {
  const { transform } = createRequire(createRequire(import.meta.url).resolve('vite'))('lightningcss');
  const path = join(SOURCE, 'page', 'style.css');
  const { code } = transform({ filename: path, code: readFileSync(path), minify: true });
  return code.toString().trim();
}

/** As the formatter would write it: single quotes, unless that takes more escapes. */
function literal(value) {
  const escaped = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"');
  const [single, double] = ["'", '"'].map((quote) => escaped.split(quote).length);
  return single > double ? `"${escaped.replaceAll('"', '\\"')}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
