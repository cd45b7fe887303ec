"""Whether a payload is one that the contract admits. The same verdicts as src/contract/admits.ts.

Values are (nested) lists with the batch axis first, as JSON has them. Axes have a fixed size, any size, or a
named one (equal names are equal sizes within a call). An unknown type admits any value, an unknown shape any
rank. Contents are closed: names that the contract does not have are violations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .scalars import COMPLEX, FLOATS, INTEGERS, describe, is_number, scalar_problem

Json = Any
Field = dict[str, Any]
Direction = Literal["input", "output"]

CONTAINERS = frozenset({"sequence", "map", "record"})
MAX_DEPTH = 64

_INTEGER_KEY = re.compile(r"-?(?:0|[1-9][0-9]{0,19})")
_FLOAT_KEY = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Violation:
    """A place where a payload is not what the contract says. `path` is empty for the payload as a whole."""

    path: str
    message: str


def default_signature(contract: dict[str, Any]) -> str | None:
    """The signature that is called when none is named; None when the contract leaves it open."""
    signatures = contract["signatures"]
    if contract.get("default") is not None:
        return str(contract["default"])
    if "predict" in signatures:
        return "predict"
    return next(iter(signatures)) if len(signatures) == 1 else None


def admits(
    contract: dict[str, Any],
    signature: str,
    payload: Json,
    direction: Direction,
    sizes: dict[str, int] | None = None,
) -> list[Violation]:
    """Every place where `payload` breaks the contract, in the contract's order; one a path.

    `sizes` are named axes that are known already; those met here are added.
    """
    found = contract["signatures"].get(signature)
    if found is None:
        return [Violation("", f"there is no signature {describe(signature)}")]
    if not isinstance(payload, dict):
        return [Violation("", f"the payload is {describe(payload)}, not an object")]
    fields = found["inputs" if direction == "input" else "outputs"]
    if fields is None:
        return []
    check = _Check(direction, {} if sizes is None else sizes, {})
    check.members(fields, payload, "")
    return [Violation(path, message) for path, message in check.violations.items()]


Leaf = Callable[[Json, "tuple[int, ...]"], bool]


@dataclass(frozen=True)
class _Check:
    direction: Direction
    # None inside containers, where names do not tie.
    sizes: dict[str, int] | None
    violations: dict[str, str]

    def report(self, path: str, message: str) -> None:
        self.violations.setdefault(path, message)

    def members(self, fields: list[Field], values: dict[str, Json], prefix: str) -> None:
        known = set()
        for field in fields:
            name = field["name"]
            known.add(name)
            if name in values:
                self.value(field, values[name], prefix + name)
            elif field.get("optional") is not True:
                self.report(prefix + name, "it is missing")
        for name in values:
            if name not in known:
                self.report(prefix + name, "the contract has no such name")

    def value(self, field: Field, value: Json, path: str) -> None:
        limits = _element_limits(field, self.direction)
        shape = effective_shape(field)
        inner = _Check(self.direction, None, self.violations)

        def leaf(element: Json, at: tuple[int, ...]) -> bool:
            problem = inner.element_problem(field, element, path) or limits(element)
            if problem is not None:
                place = "".join(f"[{index}]" for index in at)
                self.report(path, f"at {place}: {problem}" if at else problem)
            return problem is None

        if shape is None:
            self.any_rank(field["type"], value, path, leaf)
        else:
            self.of_shape(shape, value, path, leaf, _plain(field, self.direction))

    def of_shape(
        self, shape: list[Any], value: Json, path: str, leaf: Leaf, plain: Callable[[list[Json]], bool]
    ) -> None:
        sizes: dict[int, int] = {}

        def walk(part: Json, at: tuple[int, ...]) -> bool:
            axis = len(at)
            if axis == len(shape):
                return leaf(part, at)
            if not isinstance(part, list):
                self.report(
                    path, f"{describe(part)} stands where axis {axis} of {len(shape)} should be an array"
                )
                return False
            if axis not in sizes:
                sizes[axis] = len(part)
                problem = self.size_problem(shape[axis], len(part))
                if problem is not None:
                    self.report(path, f"axis {axis} has {len(part)} entries, {problem}")
                    return False
            elif sizes[axis] != len(part):
                self.report(path, f"axis {axis} is ragged: {sizes[axis]} and {len(part)} entries")
                return False
            if axis + 1 == len(shape) and plain(part):
                return True
            return all(walk(element, (*at, index)) for index, element in enumerate(part))

        walk(value, ())

    def size_problem(self, dimension: int | str | None, size: int) -> str | None:
        if isinstance(dimension, int):
            return None if size == dimension else f"not {dimension}"
        if dimension is None or self.sizes is None:
            return None
        bound = self.sizes.setdefault(dimension, size)
        return None if size == bound else f'but "{dimension}" is {bound} elsewhere in this call'

    def any_rank(self, kind: str | None, value: Json, path: str, leaf: Leaf) -> None:
        sizes: dict[int, int] = {}
        rank: int | None = None

        def is_element(part: Json) -> bool:
            # Without a type and a rank there is no telling an element from an array of them.
            if kind in COMPLEX:
                return not isinstance(part, list) or (len(part) > 0 and not isinstance(part[0], list))
            return not isinstance(part, list)

        def walk(part: Json, at: tuple[int, ...]) -> bool:
            nonlocal rank
            if len(at) > MAX_DEPTH:
                self.report(path, f"arrays are nested deeper than {MAX_DEPTH}")
                return False
            axis = len(at)
            element = is_element(part)
            if kind is not None and rank is not None and element != (axis == rank):
                self.report(path, "the arrays are ragged: elements and arrays stand side by side")
                return False
            if element:
                rank = axis
                return leaf(part, at)
            if len(part) == 0:
                rank = axis + 1
            size = sizes.get(axis)
            if kind is not None and size is not None and size != len(part):
                self.report(path, f"axis {axis} is ragged: {size} and {len(part)} entries")
                return False
            sizes[axis] = len(part)
            return all(walk(entry, (*at, index)) for index, entry in enumerate(part))

        walk(value, ())

    def element_problem(self, value: Field, element: Json, path: str) -> str | None:
        """Problems inside a container are reported under paths of their own; then the element is fine."""
        kind = value["type"]
        if kind is None:
            return None
        if kind not in CONTAINERS:
            return scalar_problem(kind, element)
        if kind == "sequence":
            if not isinstance(element, list):
                return f"{describe(element)} is not an array"
            if value.get("items") is not None:
                for item in element:
                    self.value(value["items"], item, f"{path}.items")
            return None
        if not isinstance(element, dict):
            return f"{describe(element)} is not an object"
        if kind == "record":
            if value.get("fields") is not None:
                self.members(value["fields"], element, f"{path}.")
            return None
        for key, entry in element.items():
            if value.get("keys") is not None:
                problem = scalar_problem(value["keys"], _key_value(value["keys"], key))
                if problem is not None:
                    self.report(f"{path}.keys", problem)
            if value.get("values") is not None:
                self.value(value["values"], entry, f"{path}.values")
        return None


def _plain(field: Field, direction: Direction) -> Callable[[list[Json]], bool]:
    """Tells at once that a whole list is fine, for the common types; False only means to look at each element.

    An image has 150,000 numbers, and Python is slow at looking at each.
    """
    kind = field["type"]
    limited = field.get("categories") is not None or field.get("range") is not None
    if limited or (direction == "output" and field.get("labels") is not None):
        return lambda part: False
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return lambda part: set(map(type, part)) == {int} and low <= min(part) and max(part) <= high
    if kind in FLOATS and kind != "float8_e8m0fnu":
        limit = FLOATS[kind]
        return lambda part: (
            set(map(type, part)) <= {int, float}
            and -limit < min(part, default=0)
            and max(part, default=0) < limit
            and all(map(math.isfinite, part))
        )
    if kind == "string":
        return lambda part: set(map(type, part)) <= {str}
    return lambda part: False


def _element_limits(field: Field, direction: Direction) -> Callable[[Json], str | None]:
    """What limits single elements beyond their type: categories, labels, range. Containers have no such limits."""
    if field["type"] in CONTAINERS:
        return lambda element: None
    role = label_role(field) if direction == "output" else None
    labels = field.get("labels") or []
    categories = field.get("categories")
    span = field.get("range") or {}

    def problem(element: Json) -> str | None:
        if categories is not None and not any(_is_label(element, one) for one in categories):
            return f"{describe(element)} is not one of the {len(categories)} categories"
        if role == "values" and not any(_is_label(element, one) for one in labels):
            return f"{describe(element)} is not one of the {len(labels)} labels"
        if not is_number(element):
            return None
        if role == "index" and not 0 <= element < len(labels):
            return f"{element} is no index of the {len(labels)} labels"
        if span.get("min") is not None and element < span["min"]:
            return f"{element} is under {span['min']}"
        if span.get("max") is not None and element > span["max"]:
            return f"{element} is over {span['max']}"
        return None

    return problem


def label_role(field: Field) -> str | None:
    """What the labels of an output mean: `values`, `index`, `scores` or `open`; None when it has none."""
    kind, shape, labels = field["type"], field["shape"], field.get("labels")
    if labels is None:
        return None
    if kind is None or kind in CONTAINERS:
        return "open"
    real = kind in FLOATS or kind in COMPLEX
    rank = None if shape is None else len(shape)
    last = shape[-1] if shape else None
    numeric = real or kind in INTEGERS or kind == "bool"
    if rank is not None and rank >= 1 and last == len(labels) and numeric and (rank >= 2 or real):
        return "scores"
    if real and rank is None:
        return "open"
    fits = all(scalar_problem(kind, label) is None for label in labels)
    if fits and not (real and rank is not None and rank >= 2):
        return "values"
    if real and rank is not None and rank >= 1 and not isinstance(last, int):
        return "scores"
    return "index" if kind in INTEGERS else "open"


def effective_shape(field: Field) -> list[Any] | None:
    """Scores have as many entries along the last axis as there are labels; a container of no shape is one."""
    shape = field["shape"]
    if shape is None:
        return [] if field["type"] in CONTAINERS else None
    if field.get("labels") is None or label_role(field) != "scores":
        return list(shape)
    return [*shape[:-1], len(field["labels"])]


def _is_label(value: Json, label: Json) -> bool:
    """`1` and `true` are different, `1` and `1.0` are not."""
    if isinstance(value, bool) or isinstance(label, bool):
        return value is label
    if isinstance(value, (list, dict)):
        return False
    return bool(value == label)


def _key_value(kind: str, key: str) -> Json:
    """A key of a JSON object as a value of the map's key type."""
    if kind in ("string", "bytes", "datetime64"):
        return key
    if kind == "bool":
        return {"true": True, "false": False}.get(key, key)
    if kind in INTEGERS:
        return int(key) if _INTEGER_KEY.fullmatch(key) else key
    return float(key) if _FLOAT_KEY.fullmatch(key) else key
