#!/usr/bin/env node
/**
 * @file Fetches the CUDA libraries that onnxruntime-node does not bring along, by its own install script.
 *
 *   npm run setup:cuda             on a machine with an NVIDIA card
 *   npm run setup:cuda -- --force  without one, for an image that will run on another machine
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** onnxruntime publishes CUDA libraries for Node.js here only. */
const PLATFORM = 'linux/x64';

function fail(sentence) {
  console.error(`[setup:cuda] ${sentence}`);
  process.exit(2);
}

function packageFolder() {
  const require = createRequire(fileURLToPath(new URL('../packages/backend-onnx/package.json', import.meta.url)));
  try {
    return dirname(require.resolve('onnxruntime-node/package.json'));
  } catch {
    return fail('onnxruntime-node is not installed: run "npm run setup" first');
  }
}

function driver() {
  const { status, stdout, error } = spawnSync(
    'nvidia-smi',
    ['--query-gpu=name,driver_version', '--format=csv,noheader'],
    {
      encoding: 'utf8',
    },
  );
  if (error)
    fail(
      'nvidia-smi is not found, so there is no NVIDIA driver here: install the driver, or give --force to fetch the libraries all the same',
    );
  if (status !== 0)
    fail(
      `nvidia-smi ended with ${status}, so the NVIDIA driver does not work: run it by hand to see why, or give --force`,
    );
  return stdout.trim().split('\n')[0];
}

const here = `${process.platform}/${process.arch}`;
if (here !== PLATFORM)
  fail(
    `onnxruntime has CUDA libraries for Node.js on ${PLATFORM} only, and this is ${here}: use --device cpu or --device webgpu`,
  );
const folder = packageFolder();
const card = process.argv.includes('--force') ? 'not looked for (--force)' : driver();
const script = join(folder, 'script', 'install.js');
if (!existsSync(script)) fail(`${script} is missing: install onnxruntime-node again with "npm run setup"`);

console.log(`card: ${card}\nfetching the CUDA libraries of onnxruntime-node, a large download …`);
// The bare flag means: whatever this platform can have.
const { status } = spawnSync(process.execPath, [script, '--onnxruntime-node-install'], {
  stdio: 'inherit',
  cwd: folder,
});
if (status !== 0)
  fail(
    'the install script of onnxruntime-node failed, mostly because its download server cannot be reached: its message stands above; try again, with GLOBAL_AGENT_HTTPS_PROXY set if you are behind a proxy',
  );
const library = join(folder, 'bin', 'napi-v6', 'linux', 'x64', 'libonnxruntime_providers_cuda.so');
if (!existsSync(library)) fail(`the install script ended well, but ${library} is missing`);
console.log('done; CUDA 12 and cuDNN 9 must be installed, too. Check with: npx auto-circuit doctor');
