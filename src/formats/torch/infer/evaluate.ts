import { entryOf } from '../../../model/entry.ts';
import { LAYERS } from './layers.ts';
import { Operands, wholeOf } from './operands.ts';
import { bodyAt, type Expression, expressionOf, type Statement } from './parse.ts';
import { structure, truthOf } from './plain-values.ts';
import { forget, joined, type Scope } from './scope.ts';
import { SHAPING } from './shaping.ts';
import {
  type Abstract,
  type Code,
  type Facts,
  Impossible,
  NotUnderstood,
  type ObjectView,
  plain,
  tensor,
  UNKNOWN,
} from './values.ts';

/** Where the code's names lead to. */
export interface Library {
  /** `__torch__.torch.nn.functional.relu`: a function of a code file; `null` for others. */
  function(name: string): Code | null;
  /** `CONSTANTS.c0` */
  constant(index: number): Abstract;
}

const MAX_CALLS = 64;
const MAX_ROUNDS = 64;
/** Operators that change what others refer to in ways that are not followed. */
const RESHAPES = /^(un)?squeeze_$|^transpose_$|^t_$|^resize|^set_$|^swapa|^as_strided_$/;
const parsed = new WeakMap<Code, readonly Statement[]>();
const MAX_RANK = 64;
const MAX_NESTING = 600;

/** Follows the code of methods with values that are known in part. Nothing is run; every step counts against a budget. */
export class Evaluator {
  readonly facts: Facts;
  private readonly library: Library;
  private readonly budget: { left: number };
  private depth = 0;
  /** Expressions within expressions, over all calls. */
  private nesting = 0;

  constructor(facts: Facts, library: Library, budget: { left: number }) {
    this.facts = facts;
    this.library = library;
    this.budget = budget;
  }

  /** What a function gives for those arguments. @throws Impossible | NotUnderstood */
  call(
    code: Code,
    self: ObjectView | null,
    given: readonly Abstract[],
    named: ReadonlyMap<string, Abstract> = new Map(),
  ): Abstract {
    if (this.depth >= MAX_CALLS) throw new NotUnderstood('calls nest too deeply');
    const scope: Scope = new Map();
    const names = [...code.arguments];
    if (self) {
      const me = names.shift();
      if (me) scope.set(me.name, { kind: 'object', of: self });
    }
    names.forEach((one, index) => {
      const value = given[index] ?? named.get(one.name);
      scope.set(
        one.name,
        value ?? (one.default === null ? UNKNOWN : this.expression(expressionOf(one.default), new Map())),
      );
    });
    this.depth += 1;
    const result = this.block(this.statements(code), scope) ?? plain(null);
    this.depth -= 1;
    return result;
  }

  /** `null` when the block does not return. */
  private block(statements: readonly Statement[], scope: Scope): Abstract | null {
    for (const one of statements) {
      this.spend();
      switch (one.kind) {
        case 'return':
          return one.value ? this.expression(one.value, scope) : plain(null);
        case 'do':
          if (one.value) this.expression(one.value, scope);
          break;
        case 'assign':
          this.assign(one, scope);
          break;
        case 'if': {
          const returned = this.branch(one, scope);
          if (returned) return returned;
          break;
        }
        case 'loop':
          this.loop(one, scope);
          break;
        default:
      }
    }
    return null;
  }

  private statements(code: Code): readonly Statement[] {
    const before = parsed.get(code);
    if (before) return before;
    const found = bodyAt(code.text, code.body, (length) => this.spend(length >> 3));
    parsed.set(code, found);
    return found;
  }

  private spend(steps = 1): void {
    this.budget.left -= steps;
    if (this.budget.left < 0) throw new NotUnderstood('the code is too long');
  }

  private assign(one: Extract<Statement, { kind: 'assign' }>, scope: Scope): void {
    const value = this.expression(one.value, scope);
    if (!one.several) {
      const [target] = one.targets;
      if (target?.kind === 'name') scope.set(target.name, value);
      // Attributes that are set anywhere are unknown to begin with.
      return;
    }
    const items = value.kind === 'tuple' || value.kind === 'list' ? value.items : null;
    one.targets.forEach((target, index) => {
      if (target.kind === 'name') scope.set(target.name, items?.[index] ?? UNKNOWN);
    });
  }

  private branch(one: Extract<Statement, { kind: 'if' }>, scope: Scope): Abstract | null {
    const test = truthOf(this.expression(one.test, scope));
    if (test !== null) return this.block(test ? one.yes : one.no, scope);
    // Either may be taken: what is learned in one of them holds only where the other is impossible.
    this.spend(scope.size >> 4);
    const tried = [one.yes, one.no].map((statements) => {
      const mark = this.facts.mark();
      const inner: Scope = new Map(scope);
      const { nesting, depth } = this;
      this.facts.doubt += 1;
      try {
        const returned = this.block(statements, inner);
        return { inner, returned, statements, learned: this.facts.since(mark) };
      } catch (thrown) {
        if (!(thrown instanceof Impossible)) throw thrown;
        this.nesting = nesting;
        this.depth = depth;
        return null;
      } finally {
        this.facts.doubt -= 1;
        this.facts.undo(mark);
      }
    });
    const [yes, no] = tried;
    if (!yes && !no) throw new Impossible('no branch can be taken');
    if (!yes || !no) return this.block((yes ?? no)?.statements ?? [], scope);
    // What holds in both holds.
    for (const [of, value] of yes.learned) if (no.learned.get(of) === value) this.facts.set(of, value);
    if (yes.returned || no.returned) {
      if (yes.returned && no.returned) return joined(yes.returned, no.returned);
      throw new NotUnderstood('one branch returns');
    }
    for (const name of new Set([...yes.inner.keys(), ...no.inner.keys()]))
      scope.set(name, joined(yes.inner.get(name) ?? UNKNOWN, no.inner.get(name) ?? UNKNOWN));
    return null;
  }

  private loop(one: Extract<Statement, { kind: 'loop' }>, scope: Scope): void {
    const rounds = one.variable === null ? null : this.rounds(one.over, scope);
    if (rounds !== null && rounds.length <= MAX_ROUNDS) {
      for (const round of rounds) {
        if (one.variable !== null) scope.set(one.variable, round);
        if (this.block(one.body, scope)) throw new NotUnderstood('a loop returns');
      }
      return;
    }
    forget(one.body, scope, 0);
    if (one.variable !== null) scope.set(one.variable, UNKNOWN);
  }

  private rounds(over: Expression, scope: Scope): Abstract[] | null {
    if (over.kind === 'call' && over.callee.kind === 'name' && over.callee.name === 'range') {
      const bounds = over.args.map((one) => wholeOf(this.expression(one, scope)));
      const [from, to, step] =
        bounds.length === 1 ? [0, bounds[0], 1] : [bounds[0], bounds[1], bounds[2] ?? 1];
      if (typeof from !== 'number' || typeof to !== 'number' || step !== 1 || to - from > MAX_ROUNDS)
        return null;
      return Array.from({ length: Math.max(0, to - from) }, (_, index) => plain(from + index));
    }
    return null;
  }

  private expression(one: Expression, scope: Scope): Abstract {
    this.spend();
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) throw new NotUnderstood('the code nests too deeply');
    const value = this.valueOf(one, scope);
    this.nesting -= 1;
    return value;
  }

  private valueOf(one: Expression, scope: Scope): Abstract {
    switch (one.kind) {
      case 'name':
        return scope.get(one.name) ?? WORDS[one.name] ?? UNKNOWN;
      case 'number':
        return plain(one.value, one.whole);
      case 'text':
        return plain(one.value, false);
      case 'list':
      case 'tuple':
        return { kind: one.kind, items: one.items.map((item) => this.expression(item, scope)) };
      case 'dict': {
        const keys = one.keys.map((key) => this.expression(key, scope));
        const values = one.values.map((value) => this.expression(value, scope));
        if (!keys.every((key) => key.kind === 'plain' && typeof key.value === 'string'))
          return { kind: 'dict', entries: null };
        return {
          kind: 'dict',
          entries: new Map(
            keys.map((key, index) => [
              key.kind === 'plain' ? String(key.value) : '',
              values[index] ?? UNKNOWN,
            ]),
          ),
        };
      }
      case 'attribute':
        return this.attribute(one, scope);
      case 'index':
        return this.index(this.expression(one.of, scope), this.expression(one.at, scope));
      default:
        return this.calling(one, scope);
    }
  }

  private attribute(one: Extract<Expression, { kind: 'attribute' }>, scope: Scope): Abstract {
    const path = dotted(one);
    if (path !== null && !scope.has(path.split('.')[0] ?? '')) {
      const constant = /^CONSTANTS\.c(\d+)$/.exec(path);
      return constant ? this.library.constant(Number(constant[1])) : { kind: 'function', name: path };
    }
    const of = this.expression(one.of, scope);
    if (of.kind !== 'object') return UNKNOWN;
    return of.of.method(one.name) ? { kind: 'method', of: of.of, name: one.name } : of.of.attribute(one.name);
  }

  private index(of: Abstract, at: Abstract): Abstract {
    if (of.kind === 'dict')
      return at.kind === 'plain' ? (of.entries?.get(String(at.value)) ?? UNKNOWN) : UNKNOWN;
    const place = wholeOf(at);
    if ((of.kind !== 'list' && of.kind !== 'tuple') || !of.items || place === null) return UNKNOWN;
    return of.items[place < 0 ? place + of.items.length : place] ?? UNKNOWN;
  }

  private calling(one: Extract<Expression, { kind: 'call' }>, scope: Scope): Abstract {
    const word = one.callee.kind === 'name' && !scope.has(one.callee.name) ? one.callee.name : null;
    if (word === 'annotate' || word === 'unchecked_cast')
      return one.args[1] ? this.expression(one.args[1], scope) : UNKNOWN;
    if (word === 'uninitialized' || word === 'isinstance') return UNKNOWN;
    const args = one.args.map((arg) => this.expression(arg, scope));
    const named = new Map([...one.named].map(([name, arg]) => [name, this.expression(arg, scope)]));
    if (word === 'getattr') {
      const [of, name] = args;
      return of?.kind === 'object' && name?.kind === 'plain' ? of.of.attribute(String(name.value)) : UNKNOWN;
    }
    if (word === 'int' || word === 'bool') return args[0]?.kind === 'tensor' ? UNKNOWN : (args[0] ?? UNKNOWN);
    if (word !== null) return UNKNOWN;
    const callee = this.expression(one.callee, scope);
    if (callee.kind === 'method') {
      const code = callee.of.method(callee.name);
      return code ? this.call(code, callee.of, args, named) : UNKNOWN;
    }
    if (callee.kind !== 'function') return poison(args);
    return this.named(callee.name, args, named);
  }

  private named(name: string, args: readonly Abstract[], named: ReadonlyMap<string, Abstract>): Abstract {
    for (const one of args)
      if (one.kind === 'list' || one.kind === 'tuple') this.spend((one.items?.length ?? 0) >> 2);
    if (name === 'ops.prim.RaiseException') throw new Impossible('the code raises');
    if (name.startsWith('__torch__.')) {
      const code = this.library.function(name);
      if (code) return this.call(code, null, args, named);
      // A NamedTuple that is made; other classes are not known.
      return { kind: 'tuple', items: [...args] };
    }
    const operator = name
      .replace(/^(torch|ops\.(aten|prim)|ops)\./, '')
      .replace(/^(nn\.functional|_C\._nn)\./, '');
    if (RESHAPES.test(operator)) throw new NotUnderstood(operator);
    if (operator === 'append') {
      const [list] = args;
      if (list?.kind === 'list') {
        if (this.facts.doubt > 0 || list.items === null || args[1] === undefined) list.items = null;
        else list.items.push(args[1]);
      }
      return list ?? UNKNOWN;
    }
    const structural = structure(operator, args);
    if (structural) return structural;
    const model = entryOf(LAYERS, operator) ?? entryOf(SHAPING, operator);
    const result = model ? model(new Operands(this.facts, args, named)) : poison(args);
    return result.kind === 'tensor' && (result.shape?.length ?? 0) > MAX_RANK
      ? tensor(result.type, null)
      : result;
  }
}

/** Lists that code which is not followed may change are not known any more. */
function poison(args: readonly Abstract[]): Abstract {
  for (const one of args) if (one.kind === 'list') one.items = null;
  return UNKNOWN;
}

const WORDS: Readonly<Record<string, Abstract>> = {
  None: plain(null),
  True: plain(true),
  False: plain(false),
};

/** `torch.nn.functional` of nested attributes; `null` where something else is below. */
function dotted(one: Expression): string | null {
  const names: string[] = [];
  let at = one;
  for (; at.kind === 'attribute'; at = at.of) names.unshift(at.name);
  return at.kind === 'name' ? [at.name, ...names].join('.') : null;
}
