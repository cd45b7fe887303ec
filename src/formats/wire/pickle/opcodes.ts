import { Malformed } from '../../format.ts';
import { forget } from './forget.ts';
import {
  call,
  globalOf,
  type Machine,
  make,
  memoSize,
  note,
  pop,
  popMany,
  popMark,
  push,
  recall,
  remember,
  spend,
  top,
} from './machine.ts';
import type { Operand } from './operands.ts';
import { decimalOf, floatOf, longOf, quotedOf, rawUnicodeOf } from './text.ts';
import { fullName, is, newDict, type PyCall, type PyTuple, textOf, type Value } from './values.ts';

/** Attributes of an instance that Python itself calls or follows: a state has no business with them. */
const MAGIC_STATE = /^__(setstate|class|reduce|reduce_ex|call|del|getattr|getattribute|setitem|dict|init)__$/;

const tuple = (items: readonly Value[]): PyTuple => ({ kind: 'tuple', items });
const asNumber = (operand: Operand): number => (typeof operand === 'number' ? operand : 0);
const asLine = (operand: Operand): string => (typeof operand === 'string' ? operand : '');

/** Does what one opcode does, on inert values. STOP and the joblib arrays are the caller's. */
export function apply(machine: Machine, op: number, operand: Operand): void {
  switch (String.fromCharCode(op)) {
    case '(':
      if (machine.marks.length >= machine.session.limits.stack) throw new Malformed('too many MARKs');
      machine.marks.push(machine.stack.length);
      return;
    case '0':
      if (machine.marks.length > 0 && machine.marks.at(-1) === machine.stack.length) machine.marks.pop();
      else dropped(machine, pop(machine));
      return;
    case '1':
      for (const value of popMark(machine)) dropped(machine, value);
      return;
    case '2':
      push(machine, top(machine));
      return;
    case 'N':
      make(machine, null);
      return;
    case '\x88':
      make(machine, true);
      return;
    case '\x89':
      make(machine, false);
      return;
    case 'I':
    case 'L':
      makeInteger(machine, decimalOf(asLine(operand)), asLine(operand).length);
      return;
    case 'F':
      make(machine, floatOf(asLine(operand)));
      return;
    case 'S':
      machine.session.python2 = true;
      make(machine, quotedOf(asLine(operand)));
      return;
    case 'V':
      make(machine, rawUnicodeOf(asLine(operand)));
      return;
    case 'T':
    case 'U':
      machine.session.python2 = true;
      make(machine, operand);
      return;
    case 'J':
    case 'K':
    case 'M':
    case 'G':
    case 'X':
    case 'B':
    case 'C':
    case '\x8c':
    case '\x8d':
    case '\x8e':
    case '\x96':
      make(machine, operand);
      return;
    case '\x8a':
    case '\x8b':
      if (is(operand, 'bytes')) makeInteger(machine, longOf(operand.data, operand.length), operand.length);
      return;
    case ')':
      make(machine, tuple([]));
      return;
    case 't':
      make(machine, tuple(popMark(machine)));
      return;
    case '\x85':
    case '\x86':
    case '\x87':
      make(machine, tuple(popMany(machine, op - 0x84)));
      return;
    case ']':
      make(machine, { kind: 'list', items: [] });
      return;
    case 'l':
      make(machine, { kind: 'list', items: popMark(machine) });
      return;
    case 'a': {
      const item = pop(machine);
      addItems(machine, top(machine), [item]);
      return;
    }
    case 'e':
    case '\x90': {
      const items = popMark(machine);
      addItems(machine, top(machine), items);
      return;
    }
    case '}':
      make(machine, newDict());
      return;
    case 'd': {
      const dict = newDict();
      addEntries(machine, dict, popMark(machine));
      make(machine, dict);
      return;
    }
    case 's': {
      const value = pop(machine);
      const key = pop(machine);
      addEntries(machine, top(machine), [key, value]);
      return;
    }
    case 'u': {
      const items = popMark(machine);
      addEntries(machine, top(machine), items);
      return;
    }
    case '\x8f':
      make(machine, { kind: 'set', items: [] });
      return;
    case '\x91':
      make(machine, { kind: 'set', items: popMark(machine) });
      return;
    case 'g':
      push(machine, recall(machine, memoKey(asLine(operand))));
      return;
    case 'h':
    case 'j':
      push(machine, recall(machine, asNumber(operand)));
      return;
    case 'p':
      remember(machine, memoKey(asLine(operand)), top(machine));
      return;
    case 'q':
    case 'r':
      remember(machine, asNumber(operand), top(machine));
      return;
    case '\x94':
      remember(machine, memoSize(machine), top(machine));
      return;
    case 'c': {
      const [module = '', name = ''] = asLine(operand).split('\n');
      push(machine, globalOf(machine, module, name));
      return;
    }
    case '\x93':
      stackGlobal(machine);
      return;
    case 'R': {
      const args = pop(machine);
      make(machine, call(machine, 'reduce', pop(machine), args));
      return;
    }
    case '\x81': {
      const args = pop(machine);
      make(machine, call(machine, 'newobj', pop(machine), args));
      return;
    }
    case '\x92': {
      const kwargs = pop(machine);
      const args = pop(machine);
      make(machine, call(machine, 'newobj_ex', pop(machine), args, kwargs));
      return;
    }
    case 'i': {
      const [module = '', name = ''] = asLine(operand).split('\n');
      const callee = globalOf(machine, module, name);
      make(machine, call(machine, 'inst', callee, tuple(popMark(machine))));
      return;
    }
    case 'o': {
      const [callee, ...args] = popMark(machine);
      if (callee === undefined) throw new Malformed('OBJ without a class');
      make(machine, call(machine, 'obj', callee, tuple(args)));
      return;
    }
    case 'b':
      build(machine);
      return;
    case 'P':
      note(machine, 'review', 'persistent-id', 'it refers to an object outside of the pickle');
      make(machine, { kind: 'ref', id: asLine(operand) });
      return;
    case 'Q':
      note(machine, 'review', 'persistent-id', 'it refers to an object outside of the pickle');
      make(machine, { kind: 'ref', id: pop(machine) });
      return;
    case '\x82':
    case '\x83':
    case '\x84':
      note(machine, 'danger', 'extension', `the name is hidden behind extension code ${asNumber(operand)}`);
      push(machine, globalOf(machine, 'copyreg', `extension ${asNumber(operand)}`));
      return;
    case '\x97':
      note(machine, 'review', 'out-of-band', 'it needs a buffer from outside of the file');
      make(machine, { kind: 'bytes', length: 0, data: new Uint8Array(0), text: false });
      return;
    case '\x98':
      top(machine);
      return;
    default:
      throw new Malformed(`opcode 0x${op.toString(16)} is not known`);
  }
}

function memoKey(line: string): number {
  if (!/^\d{1,15}$/.test(line.trim())) throw new Malformed(`memo key ${JSON.stringify(line.slice(0, 40))}`);
  return Number(line);
}

/** A value is taken off unused. Its call is made by Python all the same. */
function dropped(machine: Machine, value: Value): void {
  if (is(value, 'call') && is(value.callee, 'global'))
    note(
      machine,
      'review',
      'result-dropped',
      `${fullName(value.callee)} is called and its result thrown away`,
    );
}

/** @param written how many bytes it takes in the file, which bound what it takes in memory. */
function makeInteger(machine: Machine, value: number | bigint | boolean, written: number): void {
  if (typeof value === 'bigint') spend(machine, written);
  make(machine, value);
}

function stackGlobal(machine: Machine): void {
  const name = pop(machine);
  const module = pop(machine);
  if (typeof name === 'string' && typeof module === 'string') {
    push(machine, globalOf(machine, module, name));
    return;
  }
  note(machine, 'danger', 'name-computed', 'the name of a global is not written as text but computed');
  push(machine, globalOf(machine, nameText(module), nameText(name)));
}

const nameText = (value: Value): string =>
  textOf(value) ?? (typeof value === 'object' ? `<${value?.kind ?? 'None'}>` : String(value));

function addItems(machine: Machine, target: Value, items: readonly Value[]): void {
  if (is(target, 'list') || is(target, 'set') || is(target, 'call')) {
    // Nobody asks what is in such a set, as the words that a vectorizer leaves out.
    if (is(target, 'set') && forget(machine, target.items.length, items)) return;
    spend(machine, (target.items.length === 0 ? 140 : 0) + 16 * items.length);
    for (const item of items) target.items.push(item);
  } else oddTarget(machine, target, 'items are added to');
}

function addEntries(machine: Machine, target: Value, items: readonly Value[]): void {
  if (items.length % 2 !== 0) throw new Malformed('a dict with a key that has no value');
  const dict = is(target, 'dict') ? target : is(target, 'call') ? target.entries : null;
  if (dict === null) {
    oddTarget(machine, target, 'an entry is set in');
    return;
  }
  if (forget(machine, dict.keys.length, items)) {
    dict.more += items.length / 2;
    return;
  }
  spend(machine, (dict.keys.length === 0 ? 280 : 0) + 12 * items.length);
  for (let at = 0; at < items.length; at += 2) {
    dict.keys.push(items[at] ?? null);
    dict.values.push(items[at + 1] ?? null);
  }
}

function build(machine: Machine): void {
  const state = pop(machine);
  const target = top(machine);
  if (is(target, 'call')) {
    spend(machine, target.states.length === 0 ? 140 : 12);
    target.states.push(state);
    magicState(machine, target, state);
  } else if (!is(target, 'ref')) oddTarget(machine, target, 'a state is set on');
}

function magicState(machine: Machine, target: PyCall, state: Value): void {
  const dicts = is(state, 'tuple') ? state.items : [state];
  for (const dict of dicts) {
    if (!is(dict, 'dict')) continue;
    for (const key of dict.keys)
      if (typeof key === 'string' && key.startsWith('__') && MAGIC_STATE.test(key)) {
        const of = is(target.callee, 'global') ? fullName(target.callee) : 'an object';
        note(
          machine,
          key === '__setstate__' ? 'danger' : 'review',
          'magic-state',
          `the state of ${of} sets ${key}`,
        );
      }
  }
}

function oddTarget(machine: Machine, target: Value, verb: string): void {
  if (is(target, 'global'))
    note(
      machine,
      'danger',
      'build-on-global',
      `${verb} ${fullName(target)}, which is a function, class or module`,
    );
  else {
    const kind = target === null ? 'None' : typeof target === 'object' ? target.kind : typeof target;
    note(machine, 'danger', 'build-on-value', `${verb} a value of kind ${kind}`);
  }
}
