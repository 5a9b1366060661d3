#!/usr/bin/env node
/**
 * @file Installs what a folder's manifest names, as npm would, without a registry: our packages as they are packed (`pnpm pack`), all
 * others by a link to the copy that this repository has. So code is tried with what is published, and with nothing that it does
 * not name. Needs built packages.
 *
 *   node scripts/install-packed.mjs FOLDER [PACKAGE …]     PACKAGE: more of ours, such as @auto-circuit/cli
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { env, providePnpm, ROOT } from './dev.mjs';

const [target, ...more] = process.argv.slice(2);
const folder = resolve(target);
const manifestOf = (at) => JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
const ours = new Map(
  ['packages', 'platforms'].flatMap((group) =>
    readdirSync(join(ROOT, group))
      .map((name) => join(ROOT, group, name))
      .filter((at) => existsSync(join(at, 'package.json')))
      .map((at) => [manifestOf(at).name, at]),
  ),
);
const modules = join(folder, 'node_modules');
const done = new Set();
providePnpm();

const own = manifestOf(folder);
install([...Object.keys({ ...own.dependencies, ...own.devDependencies, ...own.peerDependencies }), ...more], ROOT);

/** Installs packages by name, found from `from`, and what they need in turn. */
function install(names, from) {
  for (const name of names) {
    if (done.has(name)) continue;
    done.add(name);
    const place = join(modules, name);
    mkdirSync(dirname(place), { recursive: true });
    rmSync(place, { recursive: true, force: true }); // of an earlier call; a link only
    const source = ours.get(name);
    if (!source) {
      const at = [from, ROOT].map((one) => join(one, 'node_modules', name)).find(existsSync);
      if (at) symlinkSync(realpathSync(at), place, 'junction');
      else if (names !== own.devDependencies) console.error(`${name} is not here; left out`);
      continue;
    }
    cpSync(unpacked(name, source), place, { recursive: true });
    const { dependencies, peerDependencies, optionalDependencies } = manifestOf(source);
    const optional = Object.keys(optionalDependencies ?? {}).filter((one) => fits(ours.get(one)));
    install([...Object.keys({ ...dependencies, ...peerDependencies }), ...optional], source);
  }
}

/** Whether a package for one platform is for this one. */
function fits(source) {
  if (!source) return false;
  const { publishConfig, os = publishConfig?.os, cpu = publishConfig?.cpu } = manifestOf(source);
  return (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));
}

/** The folder of a package as it is packed; kept until one of its files is newer. */
function unpacked(name, source) {
  const kept = join(ROOT, '.tools', 'packed', createHash('sha256').update(name).digest('hex').slice(0, 16));
  if (existsSync(kept) && statSync(kept).mtimeMs > newest(source)) return join(kept, 'package');
  const made = mkdtempSync(join(ROOT, '.tools', 'packing-'));
  run('pnpm', ['pack', '--pack-destination', made], source);
  const tarball = readdirSync(made).find((file) => file.endsWith('.tgz'));
  run('tar', ['-xzf', tarball], made);
  rmSync(join(made, tarball));
  mkdirSync(dirname(kept), { recursive: true });
  rmSync(kept, { recursive: true, force: true });
  renameSync(made, kept);
  return join(kept, 'package');
}

function newest(source) {
  return ['.', 'dist', 'src', 'templates']
    .map((part) => join(source, part))
    .filter(existsSync)
    .flatMap((at) => [
      statSync(at).mtimeMs,
      ...(at.endsWith('.') ? [] : readdirSync(at, { recursive: true }).map((file) => statSync(join(at, file)).mtimeMs)),
    ])
    .reduce((latest, time) => Math.max(latest, time), statSync(join(source, 'package.json')).mtimeMs);
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env,
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')} (in ${cwd}) failed:\n${stdout}${stderr}`);
  process.exit(1);
}
