#!/usr/bin/env node
/**
 * @file Runs in `prepack` of every package. npm packs a manifest as it stands, with versions such as `workspace:^` that nobody can
 * install and without what `publishConfig` overrides; pnpm writes what they stand for.
 */
import { readFileSync } from 'node:fs';

const { name, publishConfig = {}, ...manifest } = JSON.parse(readFileSync('package.json', 'utf8'));
const agent = process.env.npm_config_user_agent ?? '';
const groups = ['dependencies', 'peerDependencies', 'optionalDependencies'];
const ranges = groups.flatMap((group) => Object.entries(manifest[group] ?? {}));
const left = ranges.filter(([, range]) => range.startsWith('workspace:')).map(([dependency]) => dependency);
if (!agent.startsWith('pnpm/') && (left.length > 0 || publishConfig.os)) {
  const what = left.length > 0 ? `the versions of ${left.join(', ')} would stay "workspace:…"` : 'its os would be lost';
  console.error(
    `[${name}] only pnpm packs this package: with ${agent.split(' ')[0] || 'this tool'} ${what}; run pnpm pack`,
  );
  process.exit(2);
}
