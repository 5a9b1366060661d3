#!/usr/bin/env node
/**
 * @file Writes docs/reference/ and the published schema of experiment files from the built packages, so that they cannot say
 * anything else than the code.
 *
 *   node scripts/generate-docs.mjs            write
 *   node scripts/generate-docs.mjs --check    change nothing; name the files that differ, exit 1
 *
 * Nothing of the machine goes in: help has a fixed width and no colours, and no backend is started. Needs `npm run build`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { experimentJsonSchema } from '@auto-circuit/cli';
import { cliPage } from './docs/cli-page.mjs';
import { errorsPage } from './docs/errors-page.mjs';
import { filesPage } from './docs/files-page.mjs';
import { listPages } from './docs/list-pages.mjs';

const FOLDER = fileURLToPath(new URL('../docs/reference/', import.meta.url));
const SCHEMA = fileURLToPath(new URL('../packages/cli/schema/experiment.schema.json', import.meta.url));
const HEAD = '<!-- Written by scripts/generate-docs.mjs from the code. Change the code, not this page. -->\n\n';

/** @returns {Promise<Record<string, { title: string, text: string }>>} pages by file name, without the index */
async function pages() {
  return { 'cli.md': await cliPage(), ...(await listPages()), 'files.md': filesPage(), 'errors.md': errorsPage() };
}

function withIndex(made) {
  const lines = Object.entries(made).map(([file, { title }]) => `- [${title}](${file})`);
  return { 'README.md': { title: 'Reference', text: `${lines.join('\n')}\n` }, ...made };
}

const texts = new Map(
  Object.entries(withIndex(await pages())).map(([file, { title, text }]) => [file, `${HEAD}# ${title}\n\n${text}`]),
);
const present = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => file.endsWith('.md')) : [];
const read = (file) => readFileSync(join(FOLDER, file), 'utf8').replaceAll('\r\n', '\n');
const changed = [...texts].filter(([file, text]) => !present.includes(file) || read(file) !== text);
const stale = present.filter((file) => !texts.has(file));
const schema = `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`;
const schemaChanged = !existsSync(SCHEMA) || readFileSync(SCHEMA, 'utf8').replaceAll('\r\n', '\n') !== schema;

if (process.argv.includes('--check')) {
  for (const [file] of changed) console.error(`docs/reference/${file} is not what the code says`);
  for (const file of stale) console.error(`docs/reference/${file} is written by nothing`);
  if (schemaChanged) console.error('packages/cli/schema/experiment.schema.json is not what the code says');
  if (changed.length + stale.length > 0 || schemaChanged) {
    console.error('run: node scripts/generate-docs.mjs');
    process.exit(1);
  }
} else {
  mkdirSync(FOLDER, { recursive: true });
  for (const [file, text] of changed) writeFileSync(join(FOLDER, file), text);
  for (const file of stale) rmSync(join(FOLDER, file));
  mkdirSync(dirname(SCHEMA), { recursive: true });
  if (schemaChanged) writeFileSync(SCHEMA, schema);
  console.log(`docs/reference/: ${changed.length} of ${texts.size} pages written, ${stale.length} removed`);
}
