/** @file `model`: what it says of named sizes without fetching anything, and of folders without reading their numbers. */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NAMED_SIZES } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { runMain } from '../test/run-main.js';

const factsOf = async (...args: string[]) => {
  const { code, stdout } = await runMain(['model', ...args, '--json'], { cwd: import.meta.dirname });
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

describe('model', () => {
  it('counts GPT-2 small: 157 sources, 445 destinations, 32,491 edges', async () => {
    const facts = await factsOf('gpt2', '--no-process');
    expect(facts.parameters).toBe(124_439_808);
    expect(facts.memory_bytes).toMatchObject({ weights: 4 * 124_439_808, per_token: 157 * 768 * 4 });
    // 1 + 12 · (12 + 1); 12 · (36 + 1) + 1
    expect(facts.graphs['split QKV']).toEqual({ sources: 157, destinations: 445, edges: 32_491 });
    expect(Object.keys(facts.graphs)).toEqual(['split QKV', 'joint QKV', 'residual graph']);
  });

  it('counts every named size, with edges as Σ over layers of inputs × sources before them', async () => {
    for (const name of Object.keys(NAMED_SIZES)) {
      const { layout, graphs } = await factsOf(name);
      const { layers, heads, mlp, parallel, experts = [] } = layout;
      let [edges, before] = [0, 1];
      for (let l = 0; l < layers; l++) {
        const mixed: number = experts[l] ?? 0;
        const readers = mixed > 0 ? mixed + 1 : mlp ? 1 : 0; // experts and their router
        edges += 3 * heads * before + readers * (before + (parallel ? 0 : heads));
        before += heads + (mixed > 0 ? mixed : mlp ? 1 : 0);
      }
      expect([name, graphs['split QKV'].edges]).toEqual([name, edges + before]);
      expect([name, graphs['split QKV'].sources]).toEqual([name, before]);
    }
  });

  it('says how many experts there are, and in how many layers', async () => {
    const folder = fileURLToPath(new URL('../../../models/test-data/families/qwen3-moe', import.meta.url));
    expect((await runMain(['model', folder])).stdout).toMatch(/experts +5 in 2 of 3 MLPs/);
    expect((await runMain(['model', 'olmoe-1b-7b'])).stdout).toMatch(/experts +64 in each MLP/);
  });

  it('reads the headers of a folder only: a file of 2 GB that holds nothing is enough, and no cache is written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'model-'));
    const before = process.env.AUTO_CIRCUIT_CACHE;
    process.env.AUTO_CIRCUIT_CACHE = join(folder, 'cache');
    try {
      const [D, F, V] = [1024, 4096, 120_000];
      const matrix = (...shape: number[]) => ({ dtype: 'F32', shape });
      const layer = (l: number) => ({
        [`model.layers.${l}.input_layernorm.weight`]: matrix(D),
        [`model.layers.${l}.post_attention_layernorm.weight`]: matrix(D),
        ...Object.fromEntries(
          ['q', 'k', 'v', 'o'].map((name) => [`model.layers.${l}.self_attn.${name}_proj.weight`, matrix(D, D)]),
        ),
        [`model.layers.${l}.mlp.gate_proj.weight`]: matrix(F, D),
        [`model.layers.${l}.mlp.up_proj.weight`]: matrix(F, D),
        [`model.layers.${l}.mlp.down_proj.weight`]: matrix(D, F),
      });
      const tensors = Object.assign(
        { 'model.embed_tokens.weight': matrix(V, D), 'model.norm.weight': matrix(D) },
        ...Array.from({ length: 24 }, (_, l) => layer(l)),
      ) as Record<string, { dtype: string; shape: number[] }>;
      let end = 0;
      const header: Record<string, unknown> = {};
      for (const [name, entry] of Object.entries(tensors)) {
        const from = end;
        end += 4 * entry.shape.reduce((a, b) => a * b, 1);
        header[name] = { ...entry, data_offsets: [from, end] };
      }
      const text = Buffer.from(JSON.stringify(header));
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(text.length));
      const path = join(folder, 'model.safetensors');
      writeFileSync(path, Buffer.concat([prefix, text]));
      truncateSync(path, 8 + text.length + end); // a hole: no bytes on disk
      writeFileSync(
        join(folder, 'config.json'),
        JSON.stringify({
          ...{ model_type: 'llama', num_hidden_layers: 24, num_attention_heads: 16, hidden_size: D },
          ...{ intermediate_size: F, vocab_size: V, max_position_embeddings: 1_024_000, tie_word_embeddings: true },
        }),
      );
      const facts = await factsOf(folder, '--no-process');
      expect(facts).toMatchObject({ parameters: end / 4, max_positions: 1_024_000, tokenizer: false });
      expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    } finally {
      if (before === undefined) delete process.env.AUTO_CIRCUIT_CACHE;
      else process.env.AUTO_CIRCUIT_CACHE = before;
      rmSync(folder, { recursive: true });
    }
  });
});
