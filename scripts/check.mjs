#!/usr/bin/env node
/** @file What CI checks beside the tests: lint, types, import rules and cycles, package contents, generated docs, links. */
import { install, run, tool } from './dev.mjs';

install();
const PACKAGES = run('pnpm', ['-r', 'exec', 'pwd'], { quiet: true }).output;
const CHECKS = {
  lint: () => tool('biome', 'check', '.', '--error-on-warnings'),
  types: () => tool('turbo', 'build'),
  'import rules': () => run(process.execPath, ['scripts/check-imports.mjs']).status,
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

const failed = [];
for (const [name, check] of Object.entries(CHECKS)) {
  const status = check();
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (status !== 0) failed.push(name);
}
console.log(`${Object.keys(CHECKS).length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
