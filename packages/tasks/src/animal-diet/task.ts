/** @file Task `animal-diet`: meat or plants, by the animal. */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateAnimalDiet } from './generate.js';

export const animalDiet = defineTask({
  name: 'animal-diet',
  doc: 'which animals live on meat and which on plants; 64 prompts',
  model: 'openai-community/gpt2',
  data: { count: 64, seed: 0, generate: generateAnimalDiet },
  objective: 'logit-diff',
});
