let small = false;

/**
 * Keeps V8's space for new objects as it is. Left alone it grows to 96 MB where many objects are made, which was most of what
 * reading hostile files took. Called where such work has begun: it loads a module of Node's (2 milliseconds), and a
 * space that has not grown at all hands on too much that is soon of no use.
 */
export function keepYoungSpaceSmall(): void {
  if (small) return;
  small = true;
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}
