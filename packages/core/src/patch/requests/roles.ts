/** @file The roles that values of a model's trace have, with what they are: what is read inside, and what backward rules hold for. */

/**
 * Roles by name, without the layer (`L3.`) in front; a model has those of its parts (`PatchableModel.roles`). Shapes as
 * `readValues` gives them. Latents of an autoencoder at a site have `sae.SITE.act` besides. Groups: KV heads, each with so many query heads.
 */
export const ROLES = {
  'ln1.scale': 'what the norm before attention multiplies by, 1/σ [prompts, pos, 1]; every transformer with norms',
  'ln1.normalized': 'what that norm gives, without its weight; where Q, K and V read it as one',
  'ln2.scale': 'the same of the norm before the MLP; none where attention and MLP share one',
  'ln2.normalized': 'what that norm gives, without its weight',
  'final.ln.scale': 'the same of the norm before the unembedding',
  'final.ln.normalized': 'what that norm gives, without its weight',
  'embed.ln.scale': 'the same of a norm of the embeddings; BLOOM',
  'embed.ln.normalized': 'what that norm gives, without its weight',
  'attn.post.scale': 'the same of a norm of what attention writes; Gemma 2 and 3, OLMo 2',
  'attn.post.normalized': 'what that norm gives, without its weight',
  'mlp.post.scale': 'the same of a norm of what the MLP writes; Gemma 2 and 3, OLMo 2',
  'mlp.post.normalized': 'what that norm gives, without its weight',
  'attn.q.norm.scale':
    'the same of a norm of the queries [prompts, groups, heads per group, pos, 1]; Gemma 3, Qwen 3, OLMo 2',
  'attn.q.norm.normalized': 'what that norm gives, without its weight',
  'attn.k.norm.scale': 'the same of a norm of the keys',
  'attn.k.norm.normalized': 'what that norm gives, without its weight',
  'attn.q': 'queries [prompts, groups, heads per group, pos, dHead]; every transformer',
  'attn.k': 'keys [prompts, groups, heads per group or 1, keys, dHead]',
  'attn.v': 'values, shaped like the keys',
  'attn.scores':
    'what softmax is taken of [prompts, groups, heads per group, pos, keys], before hidden keys are hidden',
  'attn.pattern': 'attention patterns, shaped like the scores: rows add up to 1',
  'attn.z': 'weighted values of each head, before its output projection [prompts, heads, pos, dHead]',
  'mlp.slope': 'activation(x) ÷ x inside smooth activations [prompts, pos, dMlp]; GELU, SiLU and squared ReLU',
  'mlp.act': 'the activations that the MLP writes with [prompts, pos, dMlp]',
  'mlp.gate': 'the activated gate of a gated MLP [prompts, pos, dMlp]; Llama, Gemma, Qwen and their like',
  'mlp.up': 'what the gate is multiplied with, shaped like it',
  'start.write': 'what `Resid Start` writes: the embeddings [prompts, 1, pos, dModel]; every model',
  'attn.write': 'what heads write, before their output projection [prompts, heads, pos, dHead]; the same as attn.z',
  'mlp.write': 'what the MLP writes [prompts, 1, pos, dModel]',
  'attn.read': 'the residual stream that attention reads, before its norm [prompts, pos, dModel]; every model',
  'mlp.read': 'the same of the MLP',
  'end.read': 'the same at the end, before the last norm',
} as const satisfies Readonly<Record<string, string>>;
/** A role that is known by name. */
export type RoleName = keyof typeof ROLES;
