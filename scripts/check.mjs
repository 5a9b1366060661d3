#!/usr/bin/env node
/** @file What CI checks beside the tests: lint, types, import rules and cycles, package contents, generated docs, links. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { install, ROOT, run, tool } from './dev.mjs';

install();
const PACKAGES = run('pnpm', ['-r', 'exec', 'pwd'], { quiet: true }).output;
const CHECKS = {
  lint: () => tool('biome', 'check', '.', '--error-on-warnings'),
  types: () => tool('turbo', 'build'),
  'import rules': () => run(process.execPath, ['scripts/check-imports.mjs']).status,
  'import rules are held': () => run(process.execPath, ['scripts/check-imports.mjs', '--self-test']).status,
  'no spreads of data': () => run(process.execPath, ['scripts/check-spreads.mjs']).status,
  'no stale files': () => checkStale(),
  manifests: () => run(process.execPath, ['scripts/check-manifests.mjs']).status,
  'package contents': () => checkPackages(),
  'generated docs': () => run(process.execPath, ['scripts/generate-docs.mjs', '--check']).status,
  'reference of every exported name': () => run(process.execPath, ['scripts/api-docs/write.mjs', '--check']).status,
  'script of the report': () => run(process.execPath, ['scripts/bundle-page.mjs', '--check']).status,
  'links in docs': () => run(process.execPath, ['scripts/check-links.mjs']).status,
};
function checkPackages() {
  const folders = PACKAGES.split('\n').filter((folder) => /[\\/]packages[\\/]/.test(folder));
  if (folders.length === 0) return 1; // no package found is not every package clean
  return folders.reduce((worst, folder) => Math.max(worst, tool('publint', 'run', folder, '--strict')), 0);
}

/** What `dist` keeps of a source that moved would be published: every file of it has its source. */
function checkStale() {
  const folders = readdirSync(join(ROOT, 'packages'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const dists = folders.map(({ name }) => join(ROOT, 'packages', name, 'dist'));
  const missing = dists.filter((dist) => !existsSync(dist));
  if (missing.length > 0) {
    console.error(`not built: ${missing.join(', ')}`);
    return 1;
  }
  const stale = dists.flatMap((dist) =>
    readdirSync(dist, { recursive: true })
      .filter((file) => file.endsWith('.js') && !existsSync(join(dist, '../src', file.replace(/js$/, 'ts'))))
      .map((file) => join(dist, file)),
  );
  for (const file of stale) console.error(`${file} has no source; remove the dist of its package and build it again`);
  return stale.length === 0 ? 0 : 1;
}

const failed = [];
for (const [name, check] of Object.entries(CHECKS)) {
  const status = check();
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (status !== 0) failed.push(name);
}
console.log(`${Object.keys(CHECKS).length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
