/** @file The papers that algorithms come from, as the reference cites them. */
import { arxivPaper } from '@auto-circuit/core/plugin';

/** By a word for each. */
export const PAPERS = Object.freeze({
  acdc: arxivPaper(
    '2304.14997',
    'Conmy et al.',
    2023,
    'Towards Automated Circuit Discovery for Mechanistic Interpretability',
  ),
  atpStar: arxivPaper(
    '2403.00745',
    'Kramár et al.',
    2024,
    'AtP*: An efficient and scalable method for localizing LLM behaviour to components',
  ),
  autoCircuit: arxivPaper(
    '2407.08734',
    'Miller, Chughtai and Saunders',
    2024,
    'Transformer Circuit Faithfulness Metrics Are Not Robust',
  ),
  cdT: arxivPaper(
    '2407.00886',
    'Hsu et al.',
    2024,
    'Efficient Automated Circuit Discovery in Transformers using Contextual Decomposition',
  ),
  eap: arxivPaper(
    '2310.10348',
    'Syed, Rager and Conmy',
    2023,
    'Attribution Patching Outperforms Automated Circuit Discovery',
  ),
  eapIg: arxivPaper(
    '2403.17806',
    'Hanna, Pezzelle and Belinkov',
    2024,
    'Have Faith in Faithfulness: Going Beyond Circuit Overlap When Finding Model Mechanisms',
  ),
  edgePruning: arxivPaper('2406.16778', 'Bhaskar et al.', 2024, 'Finding Transformer Circuits with Edge Pruning'),
  ensembles: arxivPaper(
    '2510.06811',
    'Mondorf et al.',
    2025,
    'BlackboxNLP-2025 MIB Shared Task: Exploring Ensemble Strategies for Circuit Localization Methods',
  ),
  flowRoutes: arxivPaper(
    '2403.00824',
    'Ferrando and Voita',
    2024,
    'Information Flow Routes: Automatically Interpreting Language Models at Scale',
  ),
  gim: arxivPaper('2505.17630', 'Edin et al.', 2025, 'GIM: Improved Interpretability for Large Language Models'),
  ibcircuit: arxivPaper(
    '2602.22581',
    'Bian et al.',
    2025,
    'IBCircuit: Towards Holistic Circuit Discovery with Information Bottleneck',
  ),
  integratedGradients: arxivPaper(
    '1703.01365',
    'Sundararajan, Taly and Yan',
    2017,
    'Axiomatic Attribution for Deep Networks',
  ),
  ioi: arxivPaper(
    '2211.00593',
    'Wang et al.',
    2022,
    'Interpretability in the Wild: a Circuit for Indirect Object Identification in GPT-2 small',
  ),
  optimalAblation: arxivPaper('2409.09951', 'Li and Janson', 2024, 'Optimal Ablation for Interpretability'),
  pathPatching: arxivPaper('2304.05969', 'Goldowsky-Dill et al.', 2023, 'Localizing Model Behavior with Path Patching'),
  relp: arxivPaper(
    '2508.21258',
    'Rezaei Jafari et al.',
    2025,
    'RelP: Faithful and Efficient Circuit Discovery in Language Models via Relevance Patching',
  ),
  sparseFeatures: arxivPaper(
    '2403.19647',
    'Marks et al.',
    2024,
    'Sparse Feature Circuits: Discovering and Editing Interpretable Causal Graphs in Language Models',
  ),
  subnetworks: arxivPaper('2104.03514', 'Cao, Sanh and Rush', 2021, 'Low-Complexity Probing via Finding Subnetworks'),
});
