#!/usr/bin/env node
/**
 * @file Fills the package of a platform with the files of onnxruntime-node that this platform needs, unchanged. Runs in the
 * package's folder, before it is packed. Why there are such packages: docs/decisions/onnxruntime-packages.md.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = process.cwd();
const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const { os, cpu } = manifest.publishConfig;
const require = createRequire(fileURLToPath(new URL('../packages/backend-onnx/package.json', import.meta.url)));
const from = dirname(require.resolve('onnxruntime-node/package.json'));
const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
if (version !== manifest.version) {
  fail(`onnxruntime-node is ${version} here and the package is ${manifest.version}: give both the same version`);
}

for (const folder of ['bin', 'dist']) rmSync(join(here, folder), { recursive: true, force: true });
copy('dist', (file) => file.endsWith('.js') || file.endsWith('.d.ts'));
const native = join('bin', 'napi-v6', os[0], cpu[0]);
const linked = linkedLibraries(join(from, native, 'onnxruntime_binding.node'));
copy(native, (file) => file === 'onnxruntime_binding.node' || linked.includes(file));
copyFileSync(new URL('LICENSE.onnxruntime', import.meta.url), join(here, 'LICENSE'));
copyFileSync(new URL('ThirdPartyNotices.txt', import.meta.url), join(here, 'ThirdPartyNotices.txt'));

function copy(folder, wanted) {
  mkdirSync(join(here, folder), { recursive: true });
  const files = readdirSync(join(from, folder)).filter(wanted);
  if (files.length < 2) fail(`${join(from, folder)} has only ${files.join(', ') || 'nothing'} of what is needed`);
  for (const file of files) copyFileSync(join(from, folder, file), join(here, folder, file));
}

/** The libraries beside a binding that it names, as the loader will look for them; onnxruntime-node has one twice, under two names. */
function linkedLibraries(binding) {
  if (!existsSync(binding)) fail(`${binding} is missing`);
  const text = readFileSync(binding, 'latin1');
  return readdirSync(dirname(binding)).filter((file) => text.includes(`${file}\0`));
}

function fail(sentence) {
  console.error(`[${manifest.name}] ${sentence}`);
  process.exit(2);
}
