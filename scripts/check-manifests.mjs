#!/usr/bin/env node
/**
 * @file Manifests of what is published: where the code, the homepage and the issues are (said once, in the root's `repository`), exact
 * versions, no script that runs when somebody installs it, the guard of `prepack`, and a README.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './dev.mjs';

const read = (folder) => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
const { repository } = read('.');
const page = repository.url.replace(/^git\+|\.git$/g, '');
const folders = ['packages', 'platforms'].flatMap((group) =>
  readdirSync(join(ROOT, group), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${group}/${entry.name}`),
);

/** What is wrong with one of them. */
function problemsOf(folder) {
  const manifest = read(folder);
  const wanted = {
    repository: { ...repository, directory: folder },
    homepage: `${page}#readme`,
    bugs: `${page}/issues`,
    license: 'MIT',
  };
  const problems = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `${key}: expected ${JSON.stringify(value)}, got ${JSON.stringify(manifest[key])}`);
  for (const key of ['description', 'keywords', 'files', 'version']) {
    if (!manifest[key]?.length) problems.push(`${key} is missing`);
  }
  if (manifest.private) problems.push('it is private');
  if (!manifest.scripts?.prepack?.includes('scripts/check-packed.mjs'))
    problems.push('prepack does not run scripts/check-packed.mjs');
  const onInstall = Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name));
  if (onInstall.length > 0) problems.push(`${onInstall.join(', ')} would run on the machines of users`);
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const exact = /^(?:workspace:\*|(?:npm:[^@]+@)?\d+\.\d+\.\d+)$/.test(range);
    if (!exact) problems.push(`${name} ${range} is no exact version`);
  }
  if (!existsSync(join(ROOT, folder, 'README.md'))) problems.push('README.md is missing');
  return problems.map((problem) => `${folder}: ${problem}`);
}

const problems = folders.flatMap(problemsOf);
for (const problem of problems) console.error(problem);
console.log(`${folders.length} manifests, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
