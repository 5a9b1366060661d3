/** @file Tasks: models with their clean and corrupt prompts. */
export {};
