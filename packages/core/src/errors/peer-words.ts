/** @file What other tools and papers call things that are here under another name, so that "did you mean" can say ours. */

const EAP_IG = ['eap-ig-inputs', 'eap-ig-activations'];
const ATTRIBUTION = ['eap', 'node-attribution'];

/** By the other name, in kebab-case, of whatever kind; only names that are known where the question comes up are offered. */
const PEER_WORDS: Readonly<Record<string, readonly string[]>> = {
  // algorithms
  'eap-ig': EAP_IG,
  'eap-ig-case1': ['eap-ig-inputs'],
  'eap-ig-case2': ['eap-ig-inputs'],
  'eap-ig-case3': ['eap-ig-activations'],
  'eap-ig-partial-activations': ['eap-ig-activations'],
  ig: [...EAP_IG, 'integrated-edge-gradients'],
  'integrated-gradients': [...EAP_IG, 'integrated-edge-gradients'],
  atp: ['atp-star', ...ATTRIBUTION],
  'atp-star': ['atp-star', ...ATTRIBUTION],
  'attribution-patching': ATTRIBUTION,
  'edge-attribution-patching': ['eap'],
  'activation-patching': ['exact'],
  'path-patching': ['exact'],
  'edge-patching': ['exact'],
  'causal-tracing': ['exact'],
  hisp: ['node-attribution'],
  ifr: ['information-flow-routes'],
  lrp: ['relp'],
  ep: ['edge-pruning'],
  sp: ['subnetwork-probing'],
  // metrics and objectives
  kldiv: ['kl'],
  'kl-div': ['kl'],
  'kl-divergence': ['kl'],
  ld: ['logit-diff'],
  'logit-difference': ['logit-diff'],
  acc: ['percent-correct'],
  accuracy: ['percent-correct'],
  ce: ['answer-logprob'],
  nll: ['answer-logprob'],
  'cross-entropy': ['answer-logprob'],
  prob: ['answer-prob'],
  logprob: ['answer-logprob'],
  // ablations
  zeros: ['zero'],
  'zero-ablation': ['zero'],
  mean: ['mean-corrupt', 'mean-clean', 'batch-mean'],
  'mean-ablation': ['mean-corrupt', 'mean-clean', 'batch-mean'],
  patching: ['resample'],
  interchange: ['resample'],
  counterfactual: ['resample'],
  corrupt: ['resample'],
  noise: ['resample'],
  'tokenwise-mean-clean': ['mean-clean'],
  'tokenwise-mean-corrupt': ['mean-corrupt'],
  'tokenwise-mean-clean-and-corrupt': ['mean-both'],
  'batch-tokenwise-mean': ['batch-position-mean'],
  'batch-all-tok-mean': ['batch-mean'],
  oa: ['optimal'],
  // backends and devices
  onnxruntime: ['onnx'],
  ort: ['onnx'],
  torch: ['onnx'],
  pytorch: ['onnx'],
  tensorflow: ['tfjs'],
  tf: ['tfjs'],
  gpu: ['cuda'],
  cuda: ['gpu'],
  'cuda:0': ['cuda', 'gpu'],
  mps: ['coreml', 'webgpu'],
};

/** Names of ours that another tool's name may mean, of those that are known. */
export function peerWords(name: string, known: readonly string[]): string[] {
  const written = name
    .toLowerCase()
    .replace(/[_\s]+/g, '-')
    .replace(/\*$/, '-star');
  const meant = Object.hasOwn(PEER_WORDS, written) ? PEER_WORDS[written]! : [];
  return meant.filter((own) => known.includes(own));
}
