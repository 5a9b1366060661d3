#!/usr/bin/env node
/** @file The main job end to end, offline: install, build, then a circuit of the model that this repository ships. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { install, ROOT, tool } from './dev.mjs';

install();
if (tool('turbo', 'build') !== 0) process.exit(1);
const cli = join(ROOT, 'packages', 'cli', 'dist', 'main.js');
const args = [
  'discover',
  '--task',
  'ioi-mini',
  '--algo',
  'eap-ig-inputs',
  '--out',
  'demo-run',
  '--overwrite',
  ...process.argv.slice(2),
];
console.log(`\n$ auto-circuit ${args.join(' ')}\n`);
process.exit(spawnSync(process.execPath, [cli, ...args], { cwd: ROOT, stdio: 'inherit' }).status ?? 1);
