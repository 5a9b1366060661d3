/** @file Prompts of capital cities: a country, and its capital in one token. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { isOneToken, oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw } from '../prompt-set/random-choice.js';
import { wordPairs } from '../prompt-set/word-lists.js';

/** One country shows what is asked. */
export const CAPITAL_SENTENCE = 'The capital of France is Paris, and the capital of {country} is';

/** Countries with one undisputed capital. */
export const CAPITALS: Readonly<Record<string, string>> = Object.fromEntries(
  wordPairs(`
    Afghanistan Kabul, Albania Tirana, Algeria Algiers, Angola Luanda, Armenia Yerevan, Australia Canberra,
    Austria Vienna, Azerbaijan Baku, Bahrain Manama, Bangladesh Dhaka, Belarus Minsk, Belgium Brussels,
    Botswana Gaborone, Bulgaria Sofia, Canada Ottawa, Chile Santiago, China Beijing, Croatia Zagreb, Cuba Havana,
    Cyprus Nicosia, Denmark Copenhagen, Ecuador Quito, Egypt Cairo, England London, Eritrea Asmara, Estonia Tallinn,
    Finland Helsinki, Germany Berlin, Ghana Accra, Greece Athens, Hungary Budapest, Iceland Reykjavik, Iran Tehran,
    Iraq Baghdad, Ireland Dublin, Italy Rome, Jamaica Kingston, Japan Tokyo, Jordan Amman, Kenya Nairobi,
    Kyrgyzstan Bishkek, Laos Vientiane, Latvia Riga, Lebanon Beirut, Libya Tripoli, Lithuania Vilnius, Mali Bamako,
    Malta Valletta, Mongolia Ulaanbaatar, Morocco Rabat, Mozambique Maputo, Namibia Windhoek, Nepal Kathmandu,
    Niger Niamey, Nigeria Abuja, Norway Oslo, Oman Muscat, Pakistan Islamabad, Peru Lima, Poland Warsaw,
    Portugal Lisbon, Qatar Doha, Romania Bucharest, Russia Moscow, Rwanda Kigali, Scotland Edinburgh, Senegal Dakar,
    Serbia Belgrade, Slovakia Bratislava, Slovenia Ljubljana, Somalia Mogadishu, Spain Madrid, Sudan Khartoum,
    Sweden Stockholm, Syria Damascus, Tajikistan Dushanbe, Thailand Bangkok, Tunisia Tunis, Turkey Ankara,
    Uganda Kampala, Ukraine Kyiv, Uruguay Montevideo, Uzbekistan Tashkent, Venezuela Caracas, Vietnam Hanoi,
    Wales Cardiff, Zambia Lusaka, Zimbabwe Harare
  `),
);

/**
 * `The capital of France is Paris, and the capital of Japan is` → ` Tokyo`; wrong is the capital of the country in the
 * corrupt prompt. Countries and capitals are one token each, so all prompts are equally long.
 *
 * Word indices: `country`, `end`.
 * @throws AutoCircuitError when the tokenizer has too few of the capitals as one token
 */
export function generateCapitals(request: PromptRequest): PromptFile {
  const task = 'capitals';
  const { encoder } = request;
  const fitting = Object.keys(CAPITALS).filter((country) => isOneToken(encoder, CAPITALS[country]!));
  const countries = oneTokenWords(task, 'countries with a one-token capital', encoder, fitting, 2);
  const drawn = (random: RandomSource): Draft => {
    const [clean, corrupt] = draw(random, countries, 2) as [string, string];
    return {
      ...filledPair(CAPITAL_SENTENCE, {}, { country: clean }, { country: corrupt }),
      answers: [` ${CAPITALS[clean]}`],
      wrongAnswers: [` ${CAPITALS[corrupt]}`],
    };
  };
  return promptSet({
    task,
    request,
    draw: drawn,
    wordIdxs: ({ country }, length) => ({ country: country!, end: length - 1 }),
  });
}
