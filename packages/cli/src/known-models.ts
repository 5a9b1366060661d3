export async function knownModels() {
  return [];
}
