import type { Remark, Risk } from './format.ts';

/** Python's own attributes, of which a text that is put together from messages has no need. */
const INSIDES =
  /__(?:class|globals|builtins|subclasses|import|mro|bases?|init|getattribute|dict|code|closure|reduce|reduce_ex|self|call|loader|spec)__/;
/** `attr(…)` reads attributes by names that may be computed: templates write `message.content`. */
const COMPUTED = /\|\s*attr\b/;

/**
 * What a chat template does beyond putting texts together, as a finding; `null` for ordinary ones. Names that are written
 * with escapes or in parts are put together first.
 * @param text the template, or a JSON file that has it.
 */
export function templateRemark(text: string, file: string): Remark | null {
  const plain = text.replace(/\\+(?:x5f|u005f|137)/gi, '_').replace(/\\?['"]\s*[~+]\s*\\?['"]/g, '');
  if (INSIDES.test(plain))
    return {
      rule: 'code-active',
      level: 'error',
      file,
      message:
        'the chat template reaches into Python objects (CVE-2024-34359): it can run code when it is rendered',
      help: 'Do not load this model or tokenizer; get it from its makers again.',
    };
  if (!COMPUTED.test(plain)) return null;
  return {
    rule: 'code-active',
    level: 'warning',
    file,
    message: 'the chat template reads attributes by names that it computes',
    help: 'Read the template; render it only in a sandbox, or if you trust its makers.',
  };
}

/** How bad what is found of active content makes a model. */
export function activeRisk(remarks: readonly Remark[]): Risk {
  const active = remarks.filter((remark) => remark.rule === 'code-active');
  if (active.some((remark) => remark.level === 'error')) return 'dangerous';
  return active.length > 0 ? 'review' : 'none';
}
