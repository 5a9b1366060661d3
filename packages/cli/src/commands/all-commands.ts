/** @file The commands, one file each. What they share lives in the rooms below: run, open, show, report, flags, terminal. */
import type { CliCommand } from '../context/context.js';
import { cacheCommand } from './cache.js';
import { clustersCommand } from './clusters.js';
import { collectCommand } from './collect.js';
import { compareCommand } from './compare.js';
import { completionCommand } from './completion.js';
import { convertCommand } from './convert.js';
import { datasetCommand } from './dataset.js';
import { discoverCommand } from './discover.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { experimentCommand } from './experiment.js';
import { latentsCommand } from './latents.js';
import { listCommand } from './list.js';
import { logitsCommand } from './logits.js';
import { modelCommand } from './model.js';
import { patchCommand } from './patch.js';
import { planCommand } from './plan.js';
import { queryCommand } from './query.js';
import { reportCommand } from './report.js';
import { runShardCommand } from './run-shard.js';
import { stabilityCommand } from './stability.js';
import { statusCommand } from './status.js';
import { submitCommand } from './submit.js';
import { validateCommand } from './validate.js';
import { verifyCommand } from './verify.js';
import { viewCommand } from './view.js';
import { workerCommand } from './worker.js';

/** In the order that help shows. */
export const COMMANDS: readonly CliCommand[] = [
  discoverCommand,
  compareCommand,
  queryCommand,
  experimentCommand,
  planCommand,
  submitCommand,
  workerCommand,
  runShardCommand,
  statusCommand,
  collectCommand,
  evaluateCommand,
  clustersCommand,
  verifyCommand,
  stabilityCommand,
  reportCommand,
  viewCommand,
  listCommand,
  patchCommand,
  logitsCommand,
  modelCommand,
  validateCommand,
  datasetCommand,
  latentsCommand,
  convertCommand,
  cacheCommand,
  doctorCommand,
  completionCommand,
];
