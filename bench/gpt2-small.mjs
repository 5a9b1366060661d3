/** @file A model of GPT-2 small's shape with seeded random weights, written once as a canonical file so that sessions map it. */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@auto-circuit/core/plugin';
import { openSafetensors, safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { GPT2_SMALL, gpt2Model, randomGpt2 } from '@auto-circuit/models';

export async function gpt2Small({ layers = 12 } = {}) {
  const shape = { ...GPT2_SMALL, layers };
  const folder = join(process.env.AUTO_CIRCUIT_BENCH_DIR ?? tmpdir(), 'auto-circuit-bench');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `gpt2-small-${layers}.safetensors`);
  if (!existsSync(file)) {
    const { weights } = randomGpt2(shape);
    await writeSafetensors(
      file,
      weights.names.map((name) => safetensorsSource(name, weights.entry(name).shape, weights.read(name))),
    );
  }
  const opened = openSafetensors(file);
  const weights = {
    key: `gpt2-small-${layers}`,
    names: [...opened.tensors.keys()],
    entry: (name) => ({ shape: opened.tensors.get(name).shape, file, byteOffset: opened.tensors.get(name).byteOffset }),
    read: (name) => opened.read(name),
  };
  return gpt2Model('gpt2-small', shape, weights);
}

/** One batch of random prompts of one length. */
export function randomBatch(prompts, length, vocabulary, seed = 1) {
  const random = seededRandom(seed);
  const tokens = () => Array.from({ length }, () => random.below(vocabulary));
  return {
    length,
    prompts: Array.from({ length: prompts }, (_, index) => ({
      index,
      clean: tokens(),
      corrupt: tokens(),
      answers: [random.below(vocabulary)],
      wrongAnswers: [random.below(vocabulary)],
    })),
  };
}
