/** @file Prompts of animal diet: which animals live on meat, and which on plants. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { pick } from '../prompt-set/random-choice.js';
import { wordList } from '../prompt-set/word-lists.js';

/** Two animals show what is asked; neither is ever the animal asked for. */
export const DIET_SENTENCE = 'The tiger hunts and eats meat. The cow grazes and eats plants. The {animal} eats';

/** Animals that eat little else than other animals, and those that eat little else than plants. */
export const DIETS = {
  meat: wordList(`
    alligator cat cheetah cobra cougar crocodile dolphin eagle falcon ferret hawk heron hyena jaguar leopard lion lynx
    octopus orca otter owl panther penguin puma python seal shark snake spider viper vulture walrus weasel whale wolf
  `),
  plants: wordList(`
    antelope beaver bison buffalo bull camel caterpillar deer donkey elephant elk gazelle giraffe goat gorilla hare
    hippo horse kangaroo koala lamb llama manatee moose mule ox panda pony rabbit reindeer rhino sheep yak zebra
  `),
} as const satisfies Readonly<Record<string, readonly string[]>>;
const FOODS = ['meat', 'plants'] as const;

/**
 * `The tiger hunts and eats meat. The cow grazes and eats plants. The zebra eats` → ` plants`; wrong is ` meat`. The corrupt
 * prompt has an animal of the other kind, of equally many tokens.
 * @throws AutoCircuitError when the foods are not one token each, or too few prompts can be made
 */
export function generateAnimalDiet(request: PromptRequest): PromptFile {
  const task = 'animal-diet';
  oneTokenWords(task, 'foods', request.encoder, FOODS, FOODS.length);
  const drawn = (random: RandomSource): Draft => {
    const [own, other] = random.below(2) === 0 ? FOODS : ([FOODS[1], FOODS[0]] as const);
    return {
      ...filledPair(DIET_SENTENCE, {}, { animal: pick(random, DIETS[own]) }, { animal: pick(random, DIETS[other]) }),
      answers: [` ${own}`],
      wrongAnswers: [` ${other}`],
    };
  };
  return promptSet({ task, request, draw: drawn });
}
