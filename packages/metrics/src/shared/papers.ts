/** @file The papers that metrics come from, as the reference cites them. */
import { arxivPaper } from '@auto-circuit/core/plugin';

/** By a word for each. */
export const PAPERS = Object.freeze({
  acdc: arxivPaper(
    '2304.14997',
    'Conmy et al.',
    2023,
    'Towards Automated Circuit Discovery for Mechanistic Interpretability',
  ),
  ioi: arxivPaper(
    '2211.00593',
    'Wang et al.',
    2022,
    'Interpretability in the Wild: a Circuit for Indirect Object Identification in GPT-2 small',
  ),
  queryCircuits: arxivPaper(
    '2509.24808',
    'Wu and Barez',
    2025,
    'Query Circuits: Explaining How Language Models Answer User Prompts',
  ),
  mib: arxivPaper('2504.13151', 'Mueller et al.', 2025, 'MIB: A Mechanistic Interpretability Benchmark'),
});
