/** @file A release of a copy of this repository: versions by changesets, then every package published to a local registry. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, env as toolsEnv } from '../dev.mjs';
import { expect, run } from './run.mjs';

const PUBLIC = ['packages', 'platforms'];

/**
 * Copies what is tracked and what is built, lets changesets choose versions, and publishes.
 * @returns versions by package name
 */
export function releaseCopy(copy, registry) {
  const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT }).split('\0');
  for (const file of files.filter((file) => file && existsSync(join(ROOT, file)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const dist = join(ROOT, 'packages', name, 'dist');
    expect(existsSync(dist), `packages/${name} is not built: run npm run build`);
    cpSync(dist, join(copy, 'packages', name, 'dist'), { recursive: true });
  }
  const env = { ...registry.env, PATH: toolsEnv.PATH };
  const inCopy = (command, ...args) => run(command, args, { cwd: copy, env });
  // changesets asks git what changed, and tags what it published
  inCopy('git', 'init', '--quiet', '--initial-branch=main');
  inCopy('git', 'add', '--all');
  const author = ['-c', 'user.name=release', '-c', 'user.email=release@localhost'];
  inCopy('git', ...author, 'commit', '--quiet', '--message', 'before the release');
  inCopy(
    'pnpm',
    'install',
    '--frozen-lockfile',
    '--ignore-scripts',
    '--prefer-offline',
    `--config.registry=${registry.url}`,
  );

  const before = manifests(copy);
  inCopy('pnpm', 'exec', 'changeset', 'version');
  const left = readdirSync(join(copy, '.changeset')).filter((file) => file.endsWith('.md') && file !== 'README.md');
  expect(left.length === 0, `changesets left ${left.join(', ')}`);
  const after = manifests(copy);
  for (const [name, { version, folder }] of after) {
    const raised = version !== before.get(name).version;
    expect(raised === existsSync(join(copy, folder, 'CHANGELOG.md')), `${name} ${version} has no changelog of its own`);
  }
  inCopy('git', ...author, 'commit', '--quiet', '--all', '--message', 'versions');
  inCopy('pnpm', 'exec', 'changeset', 'publish', '--no-git-tag');
  const versions = new Map([...after].map(([name, { version }]) => [name, version]));
  for (const [name, version] of versions) checkPublished(name, version, registry, copy);
  return versions;
}

function manifests(copy) {
  const found = PUBLIC.flatMap((group) =>
    readdirSync(join(copy, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(group, entry.name)),
  );
  const read = (folder) => JSON.parse(readFileSync(join(copy, folder, 'package.json'), 'utf8'));
  return new Map(found.map((folder) => [read(folder).name, { version: read(folder).version, folder }]));
}

/** What the registry serves has real versions and needs no script on the user's machine. */
function checkPublished(name, version, registry, cwd) {
  const view = JSON.parse(run('npm', ['view', `${name}@${version}`, '--json'], { cwd, env: registry.env }));
  const ranges = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((group) =>
    Object.values(view[group] ?? {}),
  );
  expect(
    !ranges.some((range) => range.startsWith('workspace:')),
    `${name}@${version} was published with ${ranges.join(', ')}`,
  );
  const scripts = Object.keys(view.scripts ?? {}).filter((script) => /install/.test(script));
  expect(scripts.length === 0, `${name}@${version} has the script ${scripts.join(', ')}`);
}
