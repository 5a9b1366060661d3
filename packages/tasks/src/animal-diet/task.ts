/** @file Task `animal-diet`: meat or plants, by the animal. The facts and sentences were written for this package; there is no paper. */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateAnimalDiet } from './generate.js';

/** Asks what an animal eats: meat or plants. */
export const animalDiet = defineTask({
  name: 'animal-diet',
  doc: 'which animals live on meat and which on plants; 64 prompts',
  model: 'openai-community/gpt2',
  data: { count: 64, seed: 0, generate: generateAnimalDiet },
  objective: 'logit-diff',
});
