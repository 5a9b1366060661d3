/** @file Models that are known and not read: by `model_type`, why. An error that says so is better than an unknown name. */

const SHARED = 'a mixture with experts that every token goes to: only experts that a router chooses are nodes here';
const ROUTED =
  'a mixture of experts whose router or experts are computed otherwise than those of Mixtral, Qwen 3 and gpt-oss';
const LLAMA4 =
  'Llama 4: its router scales what an expert reads, every token goes to a shared expert too, and attention is in chunks; its dense layers are no model of their own';
const ENCODER = 'an encoder with a decoder: there are two residual streams, and the graph here has one';
const ENCODER_ONLY = 'an encoder: it sees later tokens, and predicts no next one';
const STATE_SPACE = 'a state-space or recurrent model: it has no attention heads whose edges could be patched';
const HYBRID = 'a hybrid of attention and recurrent layers: only attention and MLPs are nodes here';
const LATENT = 'attention with compressed keys and values is not computed here';

const of = (reason: string, ...types: readonly string[]): [string, string][] => types.map((type) => [type, reason]);

/** Why a `model_type` is not read. */
export const UNREAD_MODEL_TYPES: Readonly<Record<string, string>> = Object.freeze(
  Object.fromEntries([
    ...of(SHARED, 'qwen2_moe', 'deepseek_v2', 'deepseek_v3', 'glm4_moe', 'ernie4_5_moe', 'granitemoeshared'),
    ...of(ROUTED, 'phimoe', 'granitemoe', 'dbrx', 'jetmoe', 'minimax'),
    ...of(LLAMA4, 'llama4', 'llama4_text'),
    ...of(ENCODER, 't5', 'mt5', 'umt5', 'longt5', 'bart', 'mbart', 'pegasus', 'marian', 'm2m_100', 'blenderbot', 'led'),
    ...of(ENCODER, 'encoder-decoder', 'whisper', 't5gemma', 'switch_transformers'),
    ...of(ENCODER_ONLY, 'bert', 'roberta', 'distilbert', 'albert', 'electra', 'deberta', 'deberta-v2', 'modernbert'),
    ...of(STATE_SPACE, 'mamba', 'mamba2', 'falcon_mamba', 'rwkv', 'xlstm'),
    ...of(
      HYBRID,
      'jamba',
      'zamba',
      'zamba2',
      'bamba',
      'recurrent_gemma',
      'falcon_h1',
      'lfm2',
      'nemotron_h',
      'qwen3_next',
    ),
    ...of(LATENT, 'minicpm3'),
  ]),
);
