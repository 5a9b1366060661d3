/** @file ACDC: edges removed at each threshold, in order, in the reference's visiting order; scores and final distances. */
import { acdcOrder, acdcSearch } from '@auto-circuit/prune-algos';
import { exactOutcome, relativeOutcome, tensorOutcome } from './compare.mjs';

const FAITHFULNESS = { kl_div: 'kl', mse: 'mse' };

export async function* checkAcdc({ golden, batches, patchable }, record) {
  const model = await patchable(record.id.split('/')[0]);
  const { settings, values } = record;
  if (settings.edge_order === 'canonical') yield exactOutcome(`${record.id}/our own order`, acdcOrder(model.graph), settings.visiting_order);
  const result = await acdcSearch(
    { model, graph: model.graph, batches, objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' }, patch: { kind: 'resample', from: 'corrupt' }, progress: { report() {} } },
    {
      faithfulness: FAITHFULNESS[settings.faithfulness_target],
      taus: values.per_tau.map(({ tau }) => tau),
      prompts: 'first-batch',
      order: settings.visiting_order,
    },
  );
  const expected = golden.tensors(record.id);
  const modules = Object.keys(expected);
  const flat = (scores) => modules.flatMap((module) => [...scores[module].data]);
  yield tensorOutcome(record.id, flat(result.scores), flat(expected), record.atol);
  for (const [i, { tau, removed, final_faith: distance }] of values.per_tau.entries()) {
    const ours = result.perTau[i];
    yield exactOutcome(`${record.id}/removed at ${tau}`, ours.removed, removed);
    yield relativeOutcome(`${record.id}/distance at ${tau}`, [ours.distance], [distance], record.values_rel_tol);
  }
}
