/** @file The kinds of objective, one type each. */
import type { Objective } from '../patch/patchable-model.js';

export type AnswersObjective = Extract<Objective, { kind: 'answers' }>;
export type MseObjective = Extract<Objective, { kind: 'mse' }>;
export type KlObjective = Extract<Objective, { kind: 'kl' }>;
