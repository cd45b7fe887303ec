import { all, at, type Element, type Opening } from '../wire/xml.ts';

/** How segments are combined where one of them gives the results, instead of all of them a vote or a summand. */
const HANDING_ON: ReadonlySet<string> = new Set([
  'modelChain',
  'selectFirst',
  'x-multiModelChain',
  'multiModelChain',
]);
const MAX_DEPTH = 20;

/** Whether what the segments put out is what the model puts out. */
export const handsOn = (segmentation: Pick<Opening, 'attributes'>): boolean =>
  HANDING_ON.has(segmentation.attributes['multipleModelMethod'] ?? '');

/**
 * The output fields of the segments that answer for their model: of a chain the last one, which converters of boosted trees
 * give the probabilities to. Before it stand those that answer instead of it where their predicate holds.
 * Source: PMML 4.4.1, "Multiple Models"; evaluators list them before the model's own.
 */
export function segmentOutputs(model: Element, depth = 0): Element[] {
  const segmentation = at(model, 'Segmentation');
  if (!segmentation || depth > MAX_DEPTH) return [];
  const segments = all(segmentation, 'Segment');
  return answering(segments, segmentation.attributes['multipleModelMethod'] ?? '').flatMap((segment) => {
    const inner = segment.children.find((one) => one.attributes['functionName'] !== undefined);
    return inner ? [...segmentOutputs(inner, depth + 1), ...all(at(inner, 'Output'), 'OutputField')] : [];
  });
}

/** The segments of which one gives the result: up to the first, or from the last, that is taken whatever the row holds. */
function answering(segments: readonly Element[], method: string): readonly Element[] {
  const always = (segment: Element) => at(segment, 'True') !== undefined;
  if (method === 'modelChain') return segments.slice(Math.max(0, segments.findLastIndex(always)));
  const first = segments.findIndex(always);
  return method === 'selectFirst' && first >= 0 ? segments.slice(0, first + 1) : segments;
}
