/** @file Test helper: small random models that the contract of architectures is checked on, every part of a decoder in one at least. */
import type { ModelObject } from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { randomDecoder, randomGemma, randomGpt2, randomLlama, randomNeox } from './random-models.js';

const SMALL = {
  layers: 2,
  heads: 4,
  dModel: 16,
  dHead: 4,
  dMlp: 24,
  vocabulary: 11,
  positions: 8,
  epsilon: 1e-5,
} as const;
const GEMMA = { kvHeads: 2, activation: 'gelu_pytorch_tanh', attentionScale: 0.4 } as const;
const scale = 12; // weights of standard deviation 0.24: every component matters

/** By name. */
export const CONTRACT_MODELS: Readonly<Record<string, ModelObject>> = {
  gpt2: randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale }),
  'attention only': randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: false }, { scale }),
  'llama with grouped queries': randomLlama({ ...SMALL, kvHeads: 2, activation: 'silu' }, { scale }),
  'gemma with caps': randomGemma(
    { ...SMALL, ...GEMMA, windows: [3, null], scoreCap: 2, logitCap: 3, norms: false },
    { scale },
  ),
  'gemma with query and key norms': randomGemma(
    { ...SMALL, ...GEMMA, windows: [null, 2], scoreCap: null, logitCap: null, norms: true },
    { scale },
  ),
  'llama with a sliding window': randomLlama(
    { ...SMALL, kvHeads: 2, activation: 'silu', windows: [null, 2] },
    { scale },
  ),
  'neox, side by side': randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }),
  'neox, in turn': randomNeox({ ...SMALL, dRotary: 4, activation: 'gelu', parallel: false }, { scale }),
  // what decoders are put together from, each part at least once
  'side by side behind one norm, heads normed by weights of their own': randomDecoder(
    {
      ...{ ...SMALL, activation: 'silu', kvHeads: 2, norm: 'layerNorm', mlpKind: 'gated', parallel: true },
      ...{ sharedNorm: true, headNorms: 'own', rotary: { dims: 2, tables: ['rope', 'rope'] }, clip: 1.5 },
    },
    { scale },
  ),
  'norms after modules and across heads': randomDecoder(
    {
      ...{ ...SMALL, activation: 'silu', kvHeads: 2, norm: 'rmsNorm', mlpKind: 'gated', norms: 'after' },
      ...{ headNorms: 'across', rotary: { dims: 4, tables: ['rope', 'rope'] } },
    },
    { scale },
  ),
  'linear biases, normed embeddings': randomDecoder(
    {
      ...{ ...SMALL, activation: 'gelu', kvHeads: 1, norm: 'layerNorm', mlpKind: 'plain' },
      ...{ slopes: [0.5, 0.3, 0.2, 0.1], embeddingNorm: true },
    },
    { scale },
  ),
  'factors everywhere, a layer without positions': randomDecoder(
    {
      ...{ ...SMALL, activation: 'quick_gelu', kvHeads: 4, norm: 'rmsNorm', mlpKind: 'gated', windows: [null, 2] },
      ...{ rotary: { dims: 4, tables: ['rope', null] }, embeddingScale: 3, attentionScale: 0.3, residualScale: 0.5 },
      ...{ logitScale: 0.5 },
    },
    { scale },
  ),
  'experts, a bounded activation, sinks': randomDecoder(
    {
      ...{ ...SMALL, activation: 'silu', kvHeads: 2, norm: 'rmsNorm', mlpKind: 'gated', sinks: true },
      ...{ rotary: { dims: 4, tables: ['rope', 'rope'] }, windows: [2, null] },
      experts: { counts: [3, 4], chosen: 2, dExpert: 6, softmaxOver: 'chosen', bounded: { alpha: 1.702, limit: 0.5 } },
    },
    { scale },
  ),
  'experts in one layer, their part of a softmax over all': randomDecoder(
    {
      ...{ ...SMALL, activation: 'silu', kvHeads: 4, norm: 'rmsNorm', mlpKind: 'gated', parallel: true },
      experts: { counts: [0, 3], chosen: 2, dExpert: 6, softmaxOver: 'all' },
    },
    { scale },
  ),
  micro: microModel(),
};

/** Those of `npm test`: between them they have the parts that modes treat differently. The others take most of a minute. */
export const FAST_MODELS: readonly string[] = [
  'gpt2',
  'llama with grouped queries',
  'gemma with caps',
  'experts, a bounded activation, sinks',
  'micro',
];
